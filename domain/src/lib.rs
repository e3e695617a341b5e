//! Evergrant's rules, and nothing else: no IO, no clock, no randomness.
//!
//! Every function here takes what it must know (the time, random bytes, what a server answered) as arguments and returns a verdict.
//! The shells in `functions/` load, ask here, and carry the verdict out. The crate compiles natively and to `wasm32`.
//!
//! ```text
//! what Entra answered ──► refusal ──► diagnosis ──► health ──► notice
//!                                        │            │
//!                     past lifetimes ────┴─► forecast ┘
//! one page of Graph's delta ──► roll: who is the same? ──► person::fold ──► what to store
//! where the walk stands ──► walk ──► what to fetch next
//! what somebody chose ──► attribute::Choice ──► what to ask of Graph, whom to leave out
//! a person before and after ──► event ──► what is published
//! ```
//!
//! | module | what it decides |
//! |---|---|
//! | [`ids`] | what an id looks like |
//! | [`refusal`] | what Entra's error answer says, as data |
//! | [`diagnosis`] | what a refusal means: cause, who must act, what to do |
//! | [`health`] | the connection's state and its transitions |
//! | [`fleet`] | when many failures are one incident |
//! | [`forecast`] | when the grant is expected to stop, on what evidence |
//! | [`schedule`] | when a connection is checked or synced next, and in which shard |
//! | [`silence`] | when data was older than promised and nobody said so |
//! | [`attribute`] | which attributes there are, which a connection syncs, whom it leaves out |
//! | [`person`] | how a page of Graph's delta changes what is stored about people |
//! | [`event`] | what is told when a person changes |
//! | [`photo`] | whose photo is looked at when, and what Graph's answers about it mean |
//! | [`roll`] | whom a full round met, and who is as the last one met them |
//! | [`walk`] | where the sync of a directory stands and what it does next; when deletions are held |
//! | [`cloud`] | which hosts belong to which Microsoft cloud, and which links may be followed |
//! | [`notice`] | which message is owed when health changes |
//! | [`api`] | what the HTTP API says, shared by the server and the widget |
//!
//! Deliberately absent: parsing of bytes, HTTP, storage and formatting for a screen.
//!
//! To add a cause of death: a row in [`diagnosis`], a fact in [`refusal`] if its text carries one, a fault in the simulator, one story.

pub mod api;
pub mod attribute;
pub mod cloud;
pub mod diagnosis;
pub mod event;
pub mod fleet;
pub mod forecast;
pub mod health;
pub mod ids;
pub mod notice;
pub mod person;
pub mod photo;
pub mod refusal;
pub mod roll;
pub mod schedule;
pub mod silence;
pub mod walk;
