//! The operator's own credential for Entra. The words are for the operator; customers read one neutral sentence.

use super::{CODES, Milder, OUR_CREDENTIAL, Row, Words, row};
use crate::api::Actor::Operator;

const ASSERTIONS: &str = "https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials";
const FEDERATION: &str = "https://learn.microsoft.com/en-us/entra/workload-id/workload-identity-federation-considerations";
const TRUST: &str = "https://learn.microsoft.com/en-us/entra/workload-id/workload-identity-federation-create-trust";
const REVOKED: &str = "https://learn.microsoft.com/en-us/entra/workload-id/troubleshoot-revoked-credentials";
const IDENTITY_WEB: &str = "https://github.com/AzureAD/microsoft-identity-web";

pub(super) const ROWS: &[Row] = &[
    row(&[7_000_222], Milder::Operator, &SECRET_EXPIRED, CODES),
    row(&[7_000_215], Milder::Operator, &SECRET_WRONG, CODES),
    row(&[7_005_003], Milder::Operator, &SECRET_REVOKED, REVOKED),
    row(&[70002], Milder::Operator, &OUR_CREDENTIAL, CODES),
    row(&[7_000_218], Milder::Operator, &CREDENTIAL_MISSING, CODES),
    row(&[700_025], Milder::Operator, &PUBLIC_CLIENT, CODES),
    row(&[700_027, 700_030], Milder::Operator, &CERTIFICATE_UNKNOWN, ASSERTIONS),
    row(&[7_000_214, 7_000_277, 7_005_004], Milder::Operator, &CERTIFICATE_REVOKED, REVOKED),
    row(&[1_000_502], Milder::Operator, &CERTIFICATE_ENDED, IDENTITY_WEB),
    row(&[700_024], Milder::Operator, &ASSERTION_OUT_OF_TIME, IDENTITY_WEB),
    row(&[50012, 50027, 50098, 50099, 7_000_274], Milder::Operator, &ASSERTION_INVALID, ASSERTIONS),
    row(&[50048], Milder::Operator, &ASSERTION_NAMES_TWO, ASSERTIONS),
    row(&[7_005_005], Milder::Operator, &FEDERATION_REVOKED, REVOKED),
    row(&[70021], Milder::Operator, &FEDERATION_MISMATCH, FEDERATION),
    row(&[700_211], Milder::Operator, &FEDERATION_ISSUER, TRUST),
    row(&[700_212], Milder::Operator, &FEDERATION_AUDIENCE, TRUST),
    row(&[700_213], Milder::Operator, &FEDERATION_SUBJECT, TRUST),
    row(&[70025], Milder::Operator, &FEDERATION_MISSING, TRUST),
    row(&[700_229], Milder::Operator, &FEDERATION_TOKEN, TRUST),
];

const SECRET_EXPIRED: Words = Words {
    cause: "operator-secret-expired",
    who: Operator,
    headline: "Our client secret has expired",
    explanation: "Microsoft refuses every connection, because the client secret of the app registration is past its end.",
    steps: &[
        "In Entra, open App registrations, choose the app, open \"Certificates & secrets\", and create a new client secret.",
        "Put its value into the deployment's settings.",
        "A federated credential has no end: prefer it.",
    ],
};

const SECRET_WRONG: Words = Words {
    cause: "operator-secret-wrong",
    who: Operator,
    headline: "Our client secret is wrong",
    explanation: "Microsoft refuses every connection, because the configured client secret is none of the app registration's.",
    steps: &[
        "Check that the secret's value is configured, and not the id that stands beside it in Entra.",
        "Check that the client id belongs to the same app registration.",
    ],
};

const SECRET_REVOKED: Words = Words {
    cause: "operator-credential-revoked",
    who: Operator,
    headline: "Our client secret was revoked",
    explanation: "Microsoft or an administrator revoked the client secret of the app registration, usually because it leaked.",
    steps: &["Find out where the secret leaked.", "Create a new credential in Entra, under \"Certificates & secrets\", and configure it."],
};

const CREDENTIAL_MISSING: Words = Words {
    cause: "operator-credential-missing",
    who: Operator,
    headline: "We sent no credential",
    explanation: "The request to Microsoft carried neither a client secret nor an assertion.",
    steps: &[
        "Check which credentials the deployment is configured with.",
        "Check that the redirect URI is registered on the platform \"Web\".",
    ],
};

const PUBLIC_CLIENT: Words = Words {
    cause: "operator-app-public",
    who: Operator,
    headline: "The app is registered as a public client",
    explanation: "The app registration is one for desktops or phones, which may not present a credential.",
    steps: &["In Entra, open App registrations, choose the app, open Authentication, and move the redirect URI to the platform \"Web\"."],
};

const CERTIFICATE_UNKNOWN: Words = Words {
    cause: "operator-certificate-unknown",
    who: Operator,
    headline: "Microsoft does not know our certificate",
    explanation: "The certificate that signs our assertions is not registered for the app, was revoked, or does not fit the signature.",
    steps: &[
        "In Entra, open App registrations, choose the app, open \"Certificates & secrets\", and compare the thumbprint.",
        "Upload the certificate that is configured, or configure the one that is uploaded.",
    ],
};

const CERTIFICATE_REVOKED: Words = Words {
    cause: "operator-credential-revoked",
    who: Operator,
    headline: "Our certificate was revoked",
    explanation: "The certificate that signs our assertions, or its key, was revoked.",
    steps: &["Make a new key and certificate, upload it in Entra under \"Certificates & secrets\", and configure it."],
};

const CERTIFICATE_ENDED: Words = Words {
    cause: "operator-certificate-ended",
    who: Operator,
    headline: "Our certificate is past its end",
    explanation: "The certificate that signs our assertions has expired, or is not valid yet.",
    steps: &["Make a new certificate, upload it in Entra under \"Certificates & secrets\", and configure it."],
};

const ASSERTION_OUT_OF_TIME: Words = Words {
    cause: "operator-assertion-out-of-time",
    who: Operator,
    headline: "Our assertion came at the wrong time",
    explanation: "The assertion that we signed was expired, or not valid yet, when Microsoft read it.",
    steps: &["Check the clock of the machines that sign assertions."],
};

const ASSERTION_INVALID: Words = Words {
    cause: "operator-assertion-invalid",
    who: Operator,
    headline: "Our assertion is invalid",
    explanation: "Microsoft could not read or verify the assertion that we signed.",
    steps: &["Check that the configured key belongs to the certificate that is registered in Entra."],
};

const ASSERTION_NAMES_TWO: Words = Words {
    cause: "operator-assertion-invalid",
    who: Operator,
    headline: "Our assertion names the wrong client",
    explanation: "The subject and the issuer of the assertion that we signed differ.",
    steps: &["Check the configured client id: it must be both the subject and the issuer."],
};

const FEDERATION_REVOKED: Words = Words {
    cause: "operator-credential-revoked",
    who: Operator,
    headline: "Our federated credential was revoked",
    explanation: "The federated credential of the app registration was revoked.",
    steps: &["Find out why.", "Delete the federated credential in Entra, under \"Certificates & secrets\", and add it again."],
};

const FEDERATION_MISMATCH: Words = Words {
    cause: "operator-federation-mismatch",
    who: Operator,
    headline: "No federated credential fits our token",
    explanation: "Issuer, subject and audience of the token that AWS gave us fit no federated credential of the app registration. For some \
                  minutes after one was added this is normal.",
    steps: &["In Entra, open \"Certificates & secrets\", and compare issuer, subject and audience letter for letter."],
};

const FEDERATION_ISSUER: Words = Words {
    headline: "No federated credential has our issuer",
    explanation: "The issuer of the token that AWS gave us stands in no federated credential of the app registration.",
    steps: &["Compare the issuer with the one of the AWS account, letter for letter."],
    ..FEDERATION_MISMATCH
};

const FEDERATION_AUDIENCE: Words = Words {
    headline: "No federated credential has our audience",
    explanation: "The audience of the token that AWS gave us stands in no federated credential of the app registration.",
    steps: &["Set the audience to api://AzureADTokenExchange in Entra and in the deployment's settings."],
    ..FEDERATION_MISMATCH
};

const FEDERATION_SUBJECT: Words = Words {
    headline: "No federated credential has our subject",
    explanation: "The subject of the token that AWS gave us stands in no federated credential of the app registration.",
    steps: &["Compare the subject with the ARN of the function's role: upper and lower case count."],
    ..FEDERATION_MISMATCH
};

const FEDERATION_MISSING: Words = Words {
    cause: "operator-federation-missing",
    who: Operator,
    headline: "The app has no federated credential",
    explanation: "We presented a token of AWS, and the app registration trusts no other issuer yet.",
    steps: &["In Entra, open App registrations, choose the app, open \"Certificates & secrets\", and add a federated credential."],
};

const FEDERATION_TOKEN: Words = Words {
    cause: "operator-federation-mismatch",
    who: Operator,
    headline: "Our token is of the wrong type",
    explanation: "Only the token of an app itself may serve as a federated credential, and we presented one of a person.",
    steps: &["Check which token the deployment presents as its federated credential."],
};
