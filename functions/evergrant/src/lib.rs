//! The operator's command line `evergrant`: for the operator's engineers, with their own AWS credentials.
//!
//! ```text
//! arguments ──► login (AWS) ──► desk (tables, queue, photos) ──► one command ──► console (text or JSON), exit code
//!                                    list show why │ check sync pause resume │ disconnect export erase │ rotate-keys dead-letters doctor
//! ```
//! What it does to a connection it does by the same leases and conditional writes as the functions, so that it may run beside them, be killed,
//! and be run again. What cannot be undone asks for the name of what it is done to.
//!
//! Deliberately absent: anything that opens a grant. Nobody has to be allowed to decrypt tokens to work here; `rotate-keys` lets KMS seal
//! them anew without showing them. It is no Lambda function, and has no role.
//!
//! `doctor` and `dead-letters` speak to AWS themselves and not through `adapters`: they look at how things are set up, which no function does.
//!
//! One more command: a variant of [`arguments::Command`], a module here, its line in [`run`], and stories that refuse, run twice and stop in
//! the middle.

pub mod arguments;
mod ask;
pub mod console;
pub mod desk;
mod disconnect;
pub mod doctor;
pub mod erase;
mod export;
mod letters;
mod list;
pub mod login;
mod pause;
pub mod rotate;
mod show;
mod why;

use adapters::objects::ObjectsError;
use adapters::queue::QueueError;
use adapters::store::StoreError;
use adapters::store::connections::Connection;
use adapters::vault::VaultError;
use domain::ids::{ConnectionId, CustomerId};

use arguments::Command;
use console::Console;
use desk::Desk;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Well,
    /// Something is wrong with what was asked about, or it is not there.
    Wrong,
    /// The command cannot be understood, or was not confirmed.
    BadUse,
    /// AWS, Microsoft or this machine failed.
    OutsideFailed,
}

impl Exit {
    /// For the shell.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Wrong => 1,
            Self::BadUse => 2,
            Self::OutsideFailed => 3,
        }
    }
}

/// Why a command did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// There is no such connection.
    #[error("there is no connection {0}")]
    NoConnection(ConnectionId),
    /// Nothing is stored for this customer.
    #[error("nothing is stored for customer {0}")]
    NoCustomer(CustomerId),
    /// It was not confirmed.
    #[error("not confirmed by {name}: nothing was changed")]
    NotConfirmed {
        /// What was to be typed.
        name: String,
    },
    /// The command needs to know more.
    #[error("{0}")]
    BadUse(String),
    /// The tables.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The photos.
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The key.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// AWS.
    #[error("could not {what}")]
    Aws {
        /// What was tried.
        what: String,
        /// What failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// This machine.
    #[error("could not read or write here")]
    Console(#[from] std::io::Error),
}

impl Fault {
    /// What the shell is told.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::NoConnection(_) | Self::NoCustomer(_) | Self::Store(StoreError::Unreadable { .. }) => Exit::Wrong,
            Self::NotConfirmed { .. } | Self::BadUse(_) => Exit::BadUse,
            Self::Store(_) | Self::Objects(_) | Self::Queue(_) | Self::Vault(_) | Self::Aws { .. } | Self::Console(_) => {
                Exit::OutsideFailed
            }
        }
    }

    /// AWS did not do it.
    pub(crate) fn aws(what: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Aws { what: what.into(), source: source.into() }
    }
}

/// An error with its causes, in one line.
#[must_use]
pub fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut parts: Vec<String> = Vec::new();
    for cause in causes {
        let part = cause.to_string();
        if parts.last() != Some(&part) {
            parts.push(part);
        }
    }
    parts.join(": ")
}

/// Does what one command asks for.
///
/// # Errors
/// [`Fault`]; what was done until then is done, and the command can be given again.
pub async fn run(command: &Command, desk: &Desk, console: &mut Console<'_>) -> Result<Exit, Fault> {
    match command {
        Command::List { health, customer } => list::run(desk, (health, customer.as_ref()), console).await,
        Command::Show { connection } => show::run(desk, connection, console).await,
        Command::Why { connection } => why::run(desk, connection, console).await,
        Command::Check { connection } => ask::check(desk, connection, console).await,
        Command::Sync { connection, full } => {
            let round = if *full { ask::Round::Full } else { ask::Round::Next };
            ask::sync(desk, (connection, round), console).await
        }
        Command::Pause { connection } => pause::pause(desk, connection, console).await,
        Command::Resume { connection } => pause::resume(desk, connection, console).await,
        Command::Disconnect { connection, yes } => Box::pin(disconnect::run(desk, (connection, yes.as_deref()), console)).await,
        Command::Export { customer, to } => Box::pin(export::run(desk, (customer, to), console)).await,
        Command::Erase { customer, yes } => Box::pin(erase::run(desk, (customer, yes.as_deref()), console)).await,
        Command::RotateKeys { to } => Box::pin(rotate::run(desk, to.as_deref(), console)).await,
        Command::DeadLetters { act } => Box::pin(letters::run(desk, act, console)).await,
        Command::Doctor { tenant } => Box::pin(doctor::run(desk, *tenant, console)).await,
    }
}

/// Reads a connection that must be there.
pub(crate) async fn found(desk: &Desk, id: &ConnectionId) -> Result<Connection, Fault> {
    desk.store.connection(id).await?.ok_or_else(|| Fault::NoConnection(id.clone()))
}
