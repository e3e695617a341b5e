//! Requests of ours that Entra cannot accept. The words are for the operator.

use super::{CODES, Milder, OUR_REQUEST, Row, Words, row};
use crate::api::Actor::Operator;

const REDIRECTS: &str = "https://learn.microsoft.com/en-us/entra/identity-platform/reply-url";
const SCOPES: &str = "https://learn.microsoft.com/en-us/entra/identity-platform/scopes-oidc";
const CODE_FLOW: &str = "https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow";

pub(super) const ROWS: &[Row] = &[
    row(&[50011, 70004, 900_971], Milder::Operator, &REDIRECT_WRONG, REDIRECTS),
    row(&[50147, 501_491, 50149, 50148, 501_481], Milder::Operator, &PKCE_WRONG, CODE_FLOW),
    row(&[70003, 70005, 70007], Milder::Operator, &FLOW_UNSUPPORTED, CODE_FLOW),
    row(&[70011, 28002, 28003, 700_022, 700_023, 901_002], Milder::Operator, &SCOPE_WRONG, SCOPES),
    row(&[700_054], Milder::Operator, &ID_TOKENS_OFF, CODE_FLOW),
    row(
        &[9_002_313, 900_144, 90014, 90004, 90005, 90013, 90015, 90023, 90056, 900_561, 90100, 90102, 90112, 90117, 50117, 51001],
        Milder::Operator,
        &OUR_REQUEST,
        CODES,
    ),
];

const REDIRECT_WRONG: Words = Words {
    cause: "operator-redirect-wrong",
    who: Operator,
    headline: "The redirect URI is not registered",
    explanation: "The address that we name for the way back is not registered for the app, letter for letter.",
    steps: &["In Entra, open App registrations, choose the app, open Authentication, and register the address on the platform \"Web\"."],
};

const PKCE_WRONG: Words = Words {
    cause: "operator-request-malformed",
    who: Operator,
    headline: "The proof of a sign-in does not fit",
    explanation: "The PKCE verifier that we presented does not fit the challenge with which the sign-in was begun, or has the wrong form.",
    steps: &["If it happens often, look for proxies that change the address of the sign-in, and report it as a fault of Evergrant."],
};

const FLOW_UNSUPPORTED: Words = Words {
    cause: "operator-request-malformed",
    who: Operator,
    headline: "Microsoft does not serve this flow",
    explanation: "The grant type, response type or response mode of our request is not supported for the app.",
    steps: &["Check that the redirect URI is registered on the platform \"Web\".", REPORT],
};

const SCOPE_WRONG: Words = Words {
    cause: "operator-scope-wrong",
    who: Operator,
    headline: "Microsoft does not accept our scope",
    explanation: "The permissions that our request names do not exist, or cannot be asked for together.",
    steps: &["In Entra, open App registrations, choose the app, and compare \"API permissions\" with the configured scope.", REPORT],
};

const ID_TOKENS_OFF: Words = Words {
    cause: "operator-request-malformed",
    who: Operator,
    headline: "ID tokens are not enabled",
    explanation: "The request asked for an ID token at the sign-in page, which the app registration does not allow.",
    steps: &["Use the authorization code flow alone: Evergrant does, and gets the ID token with the code.", REPORT],
};

const REPORT: &str = "If that does not help, report it as a fault of Evergrant, with the refusal that is stored.";
