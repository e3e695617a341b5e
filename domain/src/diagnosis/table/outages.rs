//! What passes by itself, and identity providers of the customer's that do not answer as they should.

use super::{CODES, COMES_BACK, Milder, OR_OTHER_ACCOUNT, OUTAGE, Row, Words, row};
use crate::api::Actor::{CustomerAdmin, Operator};

const PASS_THROUGH: &str = "https://learn.microsoft.com/en-us/entra/identity/hybrid/connect/tshoot-connect-pass-through-authentication";

pub(super) const ROWS: &[Row] = &[
    row(&[50000, 50033, 90006, 90012, 90024, 90033, 90090, 90091, 51005, 40010], Milder::Wait, &OUTAGE, CODES),
    row(&[90036, 90092], Milder::Operator, &DIRECTORY_FAULT, CODES),
    row(&[230_109], Milder::Operator, &BACKUP_SERVICE, CODES),
    row(&[40008, 40009, 40015], Milder::Suspend, &OTHER_PROVIDER_FAULT, CODES),
    row(&[80001, 80002, 80005, 80007, 80014], Milder::Suspend, &AGENT_FAULT, PASS_THROUGH),
    row(&[80012], Milder::Suspend, &OUTSIDE_HOURS, PASS_THROUGH),
    row(&[80013], Milder::Suspend, &AGENT_CLOCK, PASS_THROUGH),
    row(&[20001, 20012, 20033, 50008, 50107], Milder::Suspend, &FEDERATION_FAULT, CODES),
];

const DIRECTORY_FAULT: Words = Words {
    cause: "operator-directory-fault",
    who: Operator,
    headline: "Microsoft's directory fails for good",
    explanation: "Microsoft's own directory could not complete the request, and says that repeating it does not help.",
    steps: &["If it lasts, open a case with Microsoft's support, and give them the trace id and the correlation id."],
};

const BACKUP_SERVICE: Words = Words {
    cause: "operator-request-malformed",
    who: Operator,
    headline: "Our request went to the backup service",
    explanation: "Microsoft's backup authentication service was asked directly, which only Microsoft's own servers may do.",
    steps: &["Check the configured cloud and its addresses."],
};

const OTHER_PROVIDER_FAULT: Words = Words {
    cause: "identity-provider-fault",
    who: CustomerAdmin,
    headline: "Your identity provider did not answer",
    explanation: "The account signs in at an identity provider outside Microsoft, and that one failed.",
    steps: &["Check the identity provider in Entra under External Identities.", COMES_BACK, OR_OTHER_ACCOUNT],
};

const AGENT_FAULT: Words = Words {
    cause: "on-premises-fault",
    who: CustomerAdmin,
    headline: "Your own directory did not answer",
    explanation: "Your tenant checks passwords in your own Active Directory, and the agent that does it did not answer.",
    steps: &["In Entra, open Entra Connect, \"Pass-through authentication\", and check that the agents are active.", COMES_BACK],
};

const OUTSIDE_HOURS: Words = Words {
    cause: "outside-logon-hours",
    who: CustomerAdmin,
    headline: "The account may not sign in now",
    explanation: "Your Active Directory lets the account that connected sign in at certain hours only.",
    steps: &["Allow all hours for the account under \"Logon hours\" in Active Directory.", COMES_BACK, OR_OTHER_ACCOUNT],
};

const AGENT_CLOCK: Words = Words {
    cause: "on-premises-fault",
    who: CustomerAdmin,
    headline: "The clocks of your servers differ",
    explanation: "The clock of the agent that checks passwords differs too much from that of your Active Directory.",
    steps: &["Set the clocks of the agents and the domain controllers right.", COMES_BACK],
};

const FEDERATION_FAULT: Words = Words {
    cause: "federation-fault",
    who: CustomerAdmin,
    headline: "Your federated sign-in failed",
    explanation: "Your tenant lets another identity provider, such as AD FS, sign people in, and its answer could not be used.",
    steps: &["Check the federation of your domain: addresses, certificates, and that the provider answers.", COMES_BACK],
};
