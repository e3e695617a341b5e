//! The operator's command line in a world: its words go in, its answers and its exit code come out.

use std::sync::Arc;

use adapters::entropy::SystemEntropy;
use adapters::objects::Objects;
use adapters::vault::{LocalRotation, LocalVault, Rotation};
use clap::Parser as _;
use evergrant::arguments::Arguments;
use evergrant::console::{Console, Format};
use evergrant::desk::{Desk, Variables};
use evergrant::{run, told};
use serde_json::Value;

use super::World;

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The exit code.
    pub code: u8,
    /// What it answered.
    pub out: String,
    /// What it said beside.
    pub asides: String,
}

impl Said {
    /// The answers as JSON, a line each.
    ///
    /// # Panics
    /// When a line is none.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }
}

/// The vault of a world, whose key is 32 times this byte.
#[must_use]
pub fn vault(key: u8) -> LocalVault {
    LocalVault::new([key; 32], Arc::new(SystemEntropy))
}

impl World {
    /// What the commands work with here. Keys are named by a number from 0 to 255; that of a world is 7. Whoever waits lets time pass.
    #[must_use]
    pub fn office(&self) -> Desk {
        let (clock, simulator) = (Arc::clone(&self.clock), self.simulator.clone());
        Desk {
            clock: self.ports.clock.clone(),
            wait: Arc::new(move |until| {
                let until = until.max(adapters::clock::Clock::now(clock.as_ref()));
                clock.set(until);
                simulator.set_now(until);
                Box::pin(std::future::ready(()))
            }),
            entropy: self.ports.entropy.clone(),
            store: self.ports.store.clone(),
            queue: Some(self.ports.queue.clone()),
            objects: Some(Arc::clone(&self.shelf) as Arc<dyn Objects>),
            rotation: Arc::new(|to| {
                let key = to.parse().expect("keys of a world are numbers");
                Arc::new(LocalRotation::new(vault(7), vault(key))) as Arc<dyn Rotation>
            }),
            aws: None,
            variables: Variables::new(),
        }
    }

    /// Gives a command whose words are separated by blanks, with what is typed where it asks.
    pub async fn command(&self, words: &str, typed: &str) -> Said {
        let arguments = match Arguments::try_parse_from(std::iter::once("evergrant").chain(words.split_whitespace())) {
            Ok(arguments) => arguments,
            Err(error) => {
                let code = u8::try_from(error.exit_code()).unwrap_or(u8::MAX);
                return Said { code, out: String::new(), asides: error.to_string() };
            }
        };
        let (mut out, mut asides) = (Vec::new(), Vec::new());
        let format = if arguments.json { Format::Json } else { Format::Text };
        let mut console = Console::new(format, typed.as_bytes(), &mut out, &mut asides);
        let ended = Box::pin(run(&arguments.command, &self.office(), &mut console)).await;
        drop(console);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the command line writes text");
        let (out, mut asides) = (text(out), text(asides));
        let exit = ended.unwrap_or_else(|fault| {
            asides.push_str(&told(&fault));
            fault.exit()
        });
        Said { code: exit.code(), out, asides }
    }
}
