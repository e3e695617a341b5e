//! The whole product in one process on one machine, with a demonstration portal.
//!
//! ```text
//! portal (N) ──► page of a fictional operator, its backend's tokens, the panel
//! API (N+1)  ──► portal-api ─┐
//! ticks, queues ──► token-check, attribute-sync, photo-sync ─┴─► Ports ─► embedded DynamoDB, key file, folder of photos
//! stream of people ──► change-events ──► journal of events
//! notices owed ──► notify ──► outbox: a page that shows what would be sent
//! simulator (N+2) ◄──────────────────────────────────┘  Entra and Graph, on the same clock
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | [`arguments`], [`folder`], [`journal`] | the command line, the locked data folder, what the runner remembers |
//! | [`clock`], [`queue`], [`engine`], [`detour`], [`callers`] | this machine's clock, queue, DynamoDB, way to Graph, signer of tokens |
//! | [`stream`], [`events`] | the people table's stream, followed as Lambda does; the bus, which the page shows |
//! | [`outbox`], [`telling`] | mails and webhooks that would leave this machine; who is told |
//! | [`world`], [`errand`] | all of it put together, and what is worked on task by task |
//! | [`daily`], [`passing`] | what goes on by itself; time that passes at somebody's wish |
//! | [`customers`], [`seed`] | who the customers are, and their history |
//! | [`portal`], [`panel`], [`serve`] | what is seen, what can be worked, how it starts |
//!
//! Everything is durable when it is answered: the process may be ended at any time and goes on at its next start. Deliberately absent:
//! anything that the product itself lacks.
//!
//! To add a customer: a line in [`customers`] and its beats in `seed/script.rs`. To add a button: [`panel::Trouble`] and the page.

pub mod arguments;
pub mod callers;
pub mod clock;
pub mod customers;
pub mod daily;
pub mod detour;
pub mod engine;
pub mod errand;
pub mod events;
pub mod folder;
pub mod journal;
pub mod outbox;
pub mod panel;
pub mod passing;
pub mod portal;
pub mod queue;
pub mod seed;
pub mod serve;
pub mod stream;
pub mod telling;
pub mod world;
