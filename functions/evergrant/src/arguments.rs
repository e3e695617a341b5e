//! How the command line is called.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, Subcommand};
use domain::api::HealthWord;
use domain::ids::{ConnectionId, CustomerId, TenantId};

const EXIT_CODES: &str = "\
Exit codes: 0 all is well; 1 something is wrong with what was asked about, or it is not there; 2 the command cannot be understood or was not \
confirmed; 3 AWS, Microsoft or this machine failed, and the command can be given again.

The stage is the one that the environment names: eval \"$(infra/stage environment STAGE)\". AWS is asked with the credentials that the AWS \
command line would take, from the environment, a profile or single sign-on.";

/// The operator's command line of Evergrant.
#[derive(Debug, Parser)]
#[command(name = "evergrant", version, after_help = EXIT_CODES)]
pub struct Arguments {
    /// Answer with one JSON object a line.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Lists connections with health, expected end and age of the data. Without --customer the whole table is read, page after page.
    List {
        /// Only these: awaiting-consent, healthy, expiring, suspended, dead, operator-fault, disconnected, or paused; separated by commas.
        #[arg(long, value_delimiter = ',')]
        health: Vec<State>,
        /// Only this customer's.
        #[arg(long)]
        customer: Option<CustomerId>,
    },
    /// Shows everything about one connection; never a secret.
    Show {
        /// Which.
        connection: ConnectionId,
    },
    /// Says why a connection does not work, who must act and what to do, with what Microsoft's support asks for. Exits with 1 where
    /// something is wrong.
    Why {
        /// Which.
        connection: ConnectionId,
    },
    /// Lets the grant be tried now.
    Check {
        /// Which.
        connection: ConnectionId,
    },
    /// Lets the attributes be synced now.
    Sync {
        /// Which.
        connection: ConnectionId,
        /// Walks the whole directory anew, instead of what changed.
        #[arg(long)]
        full: bool,
    },
    /// Lets nothing be done with a connection until it is resumed: no checks, no sync, no photos. Health and data stay what they are.
    /// Microsoft ends a grant that is not used for 90 days.
    Pause {
        /// Which.
        connection: ConnectionId,
    },
    /// Lets a paused connection go on at once.
    Resume {
        /// Which.
        connection: ConnectionId,
    },
    /// Ends a connection: its tokens are deleted, and only a new consent brings it back. People stay readable until they are erased.
    Disconnect {
        /// Which.
        connection: ConnectionId,
        /// Confirms without a question, by the connection's id.
        #[arg(long, value_name = "CONNECTION")]
        yes: Option<String>,
    },
    /// Writes everything that is stored for a customer, one JSON object a line: connections, people, choices, notices, history and photos;
    /// of secrets only that they are there.
    Export {
        /// Whose.
        customer: CustomerId,
        /// The file, which must not be there yet; - is the standard output.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Erases everything that is stored for a customer, and proves it. It can be stopped and run again.
    Erase {
        /// Whose.
        customer: CustomerId,
        /// Confirms without a question, by the customer's id.
        #[arg(long, value_name = "CUSTOMER")]
        yes: Option<String>,
    },
    /// Seals every secret anew, under another key or under the present material of the same, without anybody reading it. It can be stopped
    /// and run again.
    RotateKeys {
        /// The KMS key that seals from now on; EVERGRANT_KEY_ID where absent.
        #[arg(long, value_name = "KEY")]
        to: Option<String>,
    },
    /// Shows or moves back what was given up.
    DeadLetters {
        /// What to do.
        #[command(subcommand)]
        act: Letters,
    },
    /// Checks a stage from end to end, and says in plain words what is wrong and what to do.
    Doctor {
        /// The tenant in which our credential is tried; that of any connection where absent.
        #[arg(long)]
        tenant: Option<TenantId>,
    },
}

/// What can be done with dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Letters {
    /// Shows the messages of a dead-letter queue, which stay where they are.
    List {
        /// The queue's URL.
        queue: String,
    },
    /// Moves tasks back to the queue that they came from. What is no task stays, and is shown.
    Replay {
        /// The dead-letter queue's URL.
        queue: String,
        /// Where to; the one queue whose dead letters these are, where absent.
        #[arg(long, value_name = "QUEUE")]
        to: Option<String>,
        /// Also moves what is JSON but no task of the sync or the photos: those of other functions.
        #[arg(long)]
        any: bool,
    },
}

/// What a connection can be listed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its health.
    Health(HealthWord),
    /// That it is paused.
    Paused,
}

impl FromStr for State {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "paused" {
            return Ok(Self::Paused);
        }
        let health = serde_json::from_value(serde_json::Value::String(text.to_owned()));
        health
            .map(Self::Health)
            .map_err(|_| "is none of awaiting-consent, healthy, expiring, suspended, dead, operator-fault, disconnected, paused".to_owned())
    }
}
