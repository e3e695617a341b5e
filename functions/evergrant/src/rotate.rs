//! Every sealed secret under another key, or under the present material of the same one.
//!
//! Whoever seals at the same time still seals under the old key until it is told of the new one. So the functions are told first, and this
//! looks again and again, until a whole pass finds nothing that is sealed otherwise.

use adapters::store::reseal::SealedSecret;
use adapters::vault::{Resealed, Rotation, VaultError};
use futures::StreamExt as _;
use serde::Serialize;

use crate::console::Console;
use crate::desk::Desk;
use crate::{Exit, Fault, told};

/// Requests to the key service at a time.
const IN_FLIGHT: usize = 8;
/// How often everything is looked through. Where the functions seal under the old key all the time, it would never end.
const PASSES_MAX: u32 = 10;
/// The most secrets that are named because they do not open.
const NAMED_MAX: usize = 20;

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Under which key everything is now, or should be.
    pub key: String,
    /// Passes over the table.
    pub passes: u32,
    /// Secrets of the last pass.
    pub secrets: u64,
    /// Secrets that were sealed anew, in all passes.
    pub resealed: u64,
    /// Secrets of the last pass that are still sealed otherwise; 0 is the aim.
    pub left: u64,
    /// Whose secrets do not open under any key, or cannot be read; at most 20.
    pub broken: Vec<String>,
}

/// What became of one secret.
enum Outcome {
    Already,
    Anew,
    /// Somebody stored another meanwhile; the next pass looks at it.
    Replaced,
    /// It does not open, or cannot be read: which.
    Broken(String),
}

/// Seals everything anew.
pub(crate) async fn run(desk: &Desk, to: Option<&str>, console: &mut Console<'_>) -> Result<Exit, Fault> {
    let key = to.or(desk.variable("EVERGRANT_KEY_ID"));
    let key = key.ok_or_else(|| Fault::BadUse("name the key by --to, or set EVERGRANT_KEY_ID".to_owned()))?;
    let rotation = (desk.rotation)(key);
    let mut tally = Tally { key: key.to_owned(), ..Tally::default() };
    for _ in 0..PASSES_MAX {
        pass(desk, rotation.as_ref(), &mut tally).await?;
        let Tally { passes, secrets, resealed, left, .. } = &tally;
        console.aside(&format!("pass {passes}: {secrets} secrets, {left} of them sealed anew or replaced meanwhile, {resealed} in all"))?;
        if tally.left == 0 {
            break;
        }
    }
    let is_well = tally.left == 0 && tally.broken.is_empty();
    console.say(&tally, || text(&tally))?;
    Ok(if is_well { Exit::Well } else { Exit::Wrong })
}

fn text(tally: &Tally) -> String {
    let mut lines = vec![match tally.left {
        0 => format!("All {} secrets are sealed under {}; {} were sealed anew.", tally.secrets, tally.key, tally.resealed),
        left => format!("{left} secrets came back under another key: tell the functions of {} first, and run this again.", tally.key),
    }];
    lines.extend(tally.broken.iter().map(|broken| format!("  {broken}")));
    lines.join("\n")
}

/// Looks through everything once.
async fn pass(desk: &Desk, rotation: &dyn Rotation, tally: &mut Tally) -> Result<(), Fault> {
    (tally.secrets, tally.left, tally.broken) = (0, 0, Vec::new());
    tally.passes += 1;
    let mut from = None;
    loop {
        let (page, next) = desk.store.sealed_secrets(from).await?;
        let work = page.into_iter().map(|secret| async move {
            match secret {
                Ok(secret) => reseal(desk, rotation, secret).await,
                Err(error) => Ok(Outcome::Broken(told(&error))),
            }
        });
        let mut done = futures::stream::iter(work).buffer_unordered(IN_FLIGHT);
        while let Some(outcome) = done.next().await {
            tally.secrets += 1;
            match outcome {
                Ok(Outcome::Already) => {}
                Ok(Outcome::Anew) => (tally.resealed, tally.left) = (tally.resealed + 1, tally.left + 1),
                Ok(Outcome::Replaced) => tally.left += 1,
                Ok(Outcome::Broken(what)) => tally.name(what),
                Err(fault) => return Err(fault),
            }
        }
        match next {
            Some(next) => from = Some(next),
            None => return Ok(()),
        }
    }
}

impl Tally {
    fn name(&mut self, broken: String) {
        if self.broken.len() < NAMED_MAX && !self.broken.contains(&broken) {
            self.broken.push(broken);
        }
    }
}

async fn reseal(desk: &Desk, rotation: &dyn Rotation, secret: SealedSecret) -> Result<Outcome, Fault> {
    match rotation.reseal(&secret.binding, &secret.sealed).await {
        Ok(Resealed::Already) => Ok(Outcome::Already),
        Ok(Resealed::Anew(sealed)) => match desk.store.replace_sealed(&secret, sealed).await? {
            true => Ok(Outcome::Anew),
            false => Ok(Outcome::Replaced),
        },
        Err(error @ VaultError::DoesNotOpen { .. }) => Ok(Outcome::Broken(told(&error))),
        Err(error) => Err(error.into()),
    }
}
