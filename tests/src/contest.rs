//! Our sync beside the programs that others would write: the same directory, the same DynamoDB, the same rounds, counted the same way.
//!
//! ```text
//! judge ──► Contestant ── Graph ──► outside: simulator
//!   │            └────── DynamoDB ─► outside: toll ──► embedded engine
//!   └── Control: what happens in the directory, what was counted ──► outside
//! ```
//! What is outside runs in a process of its own, so that its work is not counted; so does each contestant. Whatever a contestant asks of
//! DynamoDB passes the [`toll`], which counts it by the capacity that the engine tells: no contestant counts itself.
//!
//! | module | what it is |
//! |---|---|
//! | [`outside`] | the directory and DynamoDB, and the routes by which the judge reaches both |
//! | [`control`] | the judge's side of those routes |
//! | [`toll`] | what passes to DynamoDB, counted |
//! | [`rounds`] | which rounds are synced, what happens before each, and what each came to |
//! | [`ours`] | our side |
//! | [`spent`] | processor time and memory of a process |

pub mod control;
pub mod ours;
pub mod outside;
pub mod rounds;
pub mod spent;
pub mod toll;

use anyhow::Result;
use async_trait::async_trait;

pub use control::Control;
pub use ours::Ours;
pub use outside::{Outside, Tenancy};
pub use rounds::{Outcome, Round};
pub use spent::Spent;
pub use toll::Tolls;

/// A program that keeps people of a directory in DynamoDB.
#[async_trait(?Send)]
pub trait Contestant {
    /// Makes the next round due.
    async fn wake(&mut self) -> Result<()>;

    /// Syncs a round, to its end.
    async fn sync(&mut self) -> Result<()>;

    /// How many people are stored.
    async fn stored(&mut self) -> Result<u64>;

    /// What its process spent so far.
    ///
    /// # Errors
    /// Where the process is gone.
    fn spent(&self) -> Result<Spent>;
}
