//! The token work and the sync, run through thousands of bad days: one thread, one seed, no socket, no sleep.
//!
//! ```text
//! Plan (seed) ──► Scene ──┬─ tick ─────► token_check::tick, in an Actor: its clock is off, it freezes, it dies at any await
//!                         ├─ message ──► attribute_sync::take, the same way: once, late, again, by two workers at once
//!                         ├─ consent ──► portal_api::router, the same way
//!                         └─ happenings ► the simulated Entra; Stirs in its directories, around each page that Graph gives
//! every step outside goes through Outside (latency, faults, trace):
//!   the real client of DynamoDB ─► Wire ─► Model        Transport ─► Door ─► Entra, or a provider that rotates; Graph
//!   Vault ─► Safe        Queue ─► Post                 Watch holds the rules against every write and every word with Entra,
//!                                                      and Census those of the sync
//! ```
//! Time is tokio's, paused: it moves on when nobody can go on, so that the product's own timeouts, the client's retries and a storm of
//! three hours take milliseconds. After the storm comes the calm: nothing fails any more, what can be healed is healed, and within two
//! ticks of being due every grant that works must be healthy, and every one that does not must be known. Then every directory that can be
//! read must be here, person by person, and every message that was ever sent comes again and must change nothing. The sync works in a
//! share of the runs only, because a round costs more than a check.
//!
//! The rules are [`watch::Rule`]s, and what each is broken by is in [`breakage`]. A production function that could break a rule without
//! being noticed is a gap here: add the breakage first, see it go unnoticed, and then the rule.
//!
//! | run it | with |
//! |---|---|
//! | as many seeds as wanted | `cargo xtask simulate --seeds 10000 --from 0` |
//! | one seed, with its trace | `cargo xtask simulate --seed 671` |
//! | every plan of one fault, and of two at Entra | `cargo xtask simulate --faults` |
//! | every breakage | `cargo xtask simulate --teeth` |
//!
//! What is granted, because nobody can do better: at a provider that ends old tokens, a grant is lost where the answer with the new token
//! never arrived, or its receiver died before storing it. It is never granted to use an older token while a newer one is stored. A batch of
//! people, which DynamoDB writes without a condition, is lost where others wrote the same people while it was under way.
//!
//! Deliberately absent: held waves of deletions and attributes that fail (stories run them), photos, TTL, and real AWS: only `items` and
//! `breakage` know what items look like, and the model of DynamoDB is held to the embedded engine by a test.

pub mod actor;
pub mod breakage;
pub mod campaign;
pub mod census;
pub mod database;
pub mod door;
pub mod items;
pub mod outside;
pub mod pages;
pub mod plan;
pub mod post;
pub mod run;
pub mod safe;
pub mod scene;
pub mod secrets;
pub mod stirs;
pub mod watch;
pub mod wire;

pub use outside::Traced;
pub use plan::Plan;
pub use run::{Outcome, run};
