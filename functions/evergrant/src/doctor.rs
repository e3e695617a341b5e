//! A stage from end to end: what is wrong with it, in plain words, and what to do.
//!
//! Every check is made, whatever the others found, and each has a deadline. What cannot be looked at from here is told as skipped, with the
//! reason. Against a stand-in of AWS whatever is not set up is skipped as well; in the cloud it is wrong.
//!
//! One more check: a module below with a function that takes the [`Ward`] and returns findings, and its line in [`run`].

mod bus;
mod clocks;
mod entra;
mod key;
mod mail;
mod photos;
mod queues;
mod tables;

use std::time::Duration;

use adapters::settings::{Aws, Settings, SettingsError};
use adapters::transport::Network;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use domain::ids::TenantId;
use serde::Serialize;

use crate::console::{Console, word};
use crate::desk::Desk;
use crate::{Exit, Fault, told};

/// The longest that one check may take.
const CHECK_MAX: Duration = Duration::from_secs(45);

/// How something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, and should be looked at.
    Warning,
    /// It does not work, or will not.
    Wrong,
    /// It was not looked at.
    Skipped,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: String,
    /// How it was found.
    pub state: State,
    /// What was found.
    pub what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    fn new(check: &str, state: State, what: impl Into<String>) -> Self {
        Self { check: check.to_owned(), state, what: what.into(), advice: None }
    }

    fn ok(check: &str, what: impl Into<String>) -> Self {
        Self::new(check, State::Ok, what)
    }

    fn warning(check: &str, what: impl Into<String>, advice: &str) -> Self {
        Self { advice: Some(advice.to_owned()), ..Self::new(check, State::Warning, what) }
    }

    fn wrong(check: &str, what: impl Into<String>, advice: &str) -> Self {
        Self { advice: Some(advice.to_owned()), ..Self::new(check, State::Wrong, what) }
    }

    fn skipped(check: &str, what: impl Into<String>) -> Self {
        Self::new(check, State::Skipped, what)
    }

    fn text(&self) -> String {
        let state = word(&self.state);
        let advice = self.advice.as_ref().map(|advice| format!("\n{:<27}{advice}", "")).unwrap_or_default();
        format!("{state:<8}  {:<15}  {}{advice}", self.check, self.what)
    }
}

/// What is looked at, and from where.
pub(crate) struct Ward<'a> {
    desk: &'a Desk,
    aws: &'a Aws,
    network: Network,
    settings: Result<Settings, SettingsError>,
    tenant: Option<TenantId>,
}

impl Ward<'_> {
    /// A variable, or why what it names cannot be looked at.
    fn variable(&self, check: &str, name: &str) -> Result<&str, Finding> {
        self.desk.variable(name).ok_or_else(|| {
            let what = format!("{name} is not set");
            match self.aws.is_stand_in() {
                true => Finding::skipped(check, what),
                false => Finding::wrong(check, what, "eval \"$(infra/stage environment STAGE)\" sets it"),
            }
        })
    }

    /// What an error of AWS's comes to: a stand-in may not know an operation, and a person may not be allowed to ask.
    fn failed<E>(&self, check: &str, what: &str, error: &E, advice: &str) -> Finding
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        match error.code() {
            Some("UnknownOperationException" | "UnknownOperation" | "InvalidAction") if self.aws.is_stand_in() => {
                Finding::skipped(check, format!("the stand-in does not tell {what}"))
            }
            Some(code @ ("AccessDeniedException" | "AccessDenied" | "AuthorizationErrorException" | "UnrecognizedClientException")) => {
                Finding::skipped(check, format!("you are not allowed to see {what} ({code})"))
            }
            _ => Finding::wrong(check, format!("{what}: {}", told(error)), advice),
        }
    }
}

/// Waits for a check, but not forever.
async fn in_time(check: &str, look: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    let late =
        || vec![Finding::wrong(check, format!("no answer within {} seconds", CHECK_MAX.as_secs()), "try again; then look at the network")];
    tokio::time::timeout(CHECK_MAX, look).await.unwrap_or_else(|_| late())
}

/// Looks at everything.
pub(crate) async fn run(desk: &Desk, tenant: Option<TenantId>, console: &mut Console<'_>) -> Result<Exit, Fault> {
    let aws = desk.aws.as_ref().ok_or_else(|| Fault::BadUse("AWS is not reachable from here".to_owned()))?;
    let network = Network::connect().map_err(|error| Fault::aws("set up TLS", error))?;
    let settings = Box::pin(Settings::read(|name| desk.variables.get(name).cloned(), desk.clock.now(), &desk.entropy)).await;
    let ward = Ward { desk, aws, network, settings, tenant };
    let mut found = Found { console, is_well: true };
    found.say(configuration(&ward))?;
    found.say(in_time("tables", Box::pin(tables::look(&ward))).await)?;
    found.say(in_time("key", Box::pin(key::look(&ward))).await)?;
    found.say(in_time("entra", Box::pin(entra::discovery(&ward))).await)?;
    found.say(in_time("credential", Box::pin(entra::credential(&ward))).await)?;
    found.say(in_time("queues", Box::pin(queues::look(&ward))).await)?;
    found.say(in_time("bus", Box::pin(bus::look(&ward))).await)?;
    found.say(in_time("mail", Box::pin(mail::look(&ward))).await)?;
    found.say(in_time("photos", Box::pin(photos::look(&ward))).await)?;
    found.say(in_time("clock", Box::pin(clocks::look(&ward))).await)?;
    Ok(if found.is_well { Exit::Well } else { Exit::Wrong })
}

/// Says each finding as soon as it is there.
struct Found<'a, 'b> {
    console: &'a mut Console<'b>,
    is_well: bool,
}

impl Found<'_, '_> {
    fn say(&mut self, findings: Vec<Finding>) -> Result<(), Fault> {
        for finding in findings {
            self.is_well &= finding.state != State::Wrong;
            self.console.say(&finding, || finding.text())?;
        }
        Ok(())
    }
}

/// What the functions would say at their start.
fn configuration(ward: &Ward<'_>) -> Vec<Finding> {
    match &ward.settings {
        Ok(_) => vec![Finding::ok("configuration", "complete, as the functions read it")],
        Err(error) => {
            let advice = "correct it in the stage's parameters, and deploy";
            let is_open = |fault: &String| ward.aws.is_stand_in() && fault.ends_with(" is missing");
            let found = |fault: &String| match is_open(fault) {
                true => Finding::skipped("configuration", fault),
                false => Finding::wrong("configuration", fault, advice),
            };
            error.faults().iter().map(found).collect()
        }
    }
}
