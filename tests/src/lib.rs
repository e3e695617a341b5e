//! The whole product in one test, without a network: what the stories are told in.
//!
//! ```text
//! story ──► World ──┬─ portal       the HTTP API, called in process
//!                   ├─ tick, drain  the schedules and the queue, driven by hand
//!                   ├─ simulator    Entra and Graph, reached through Wire
//!                   ├─ engine       DynamoDB, embedded, spoken to by the real client
//!                   ├─ events       the stream of its people, followed by hand, and the bus
//!                   └─ clock        set by hand, the same for all of them
//! ```
//! A world is made of a seed, so that a story goes the same way each time; the seed is printed where a story fails, and
//! `EVERGRANT_SEED` sets another.
//!
//! | module | what it stands in for |
//! |---|---|
//! | [`world`] | the deployment, and the person at the browser |
//! | [`wire`] | HTTP out; also lets a story hold, bend and watch what passes |
//! | [`engine`] | DynamoDB; also lets a story count and break writes |
//! | [`log`] | standard output |
//! | [`tasks`] | the queues of the sync and of the tours over photos |
//! | [`shelf`] | the object store; also lets a story break it and see what is there |
//! | [`published`] | the event bus |
//! | [`posted`] | the outbox of mails and webhooks; also tells what SES would |
//! | [`letters`] | one mail of every kind, to be read and looked at |
//! | [`caller`] | the operator's backend, which signs callers' tokens |
//! | [`answer`] | what a browser sees |
//! | [`chance`] | clock and chance |
//! | [`aws`] | AWS, for the real binaries and for credentials that it makes |
//! | [`lambda`] | Lambda, around one real binary |
//! | [`certificates`] | the operator's certificates |
//! | [`contest`] | our sync beside those that others would write, for the benchmark of the sync |
//! | [`crowd`], [`scale`] | many connections at once, and what they cost at DynamoDB, for the benchmarks |
//! | [`earlier`] | what an earlier release left in the tables |
//! | [`foresight`] | two years of many tenants, to score forecasts by |
//! | [`simulation`] | all of it again, in virtual time and bad weather |
//!
//! Deliberately absent: rules. A story says what must hold; nothing here decides it.

pub mod answer;
pub mod aws;
pub mod caller;
pub mod certificates;
pub mod chance;
pub mod contest;
pub mod crowd;
pub mod earlier;
pub mod engine;
pub mod foresight;
pub mod lambda;
pub mod letters;
pub mod log;
pub mod planted;
pub mod posted;
pub mod published;
pub mod scale;
pub mod shelf;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod tasks;
pub mod wire;
pub mod world;

pub use answer::Answer;
pub use world::World;
