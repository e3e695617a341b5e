//! Evergrant's hands: everything that speaks to the outside, and nothing that decides.
//!
//! ```text
//! functions ──► Ports ──┬─ Store      two DynamoDB tables           (aws-sdk-dynamodb, everywhere)
//!                       ├─ Entra      authorize, token, id_token    (oauth2, over Transport)
//!                       │  └─ Credentials  prove who we are          (a secret, a certificate, or a role: KMS, STS)
//!                       ├─ Graph      delta, organization, probe    (over Transport)
//!                       ├─ Vault      seals and opens secrets       (KMS, or a local key file)
//!                       ├─ Queue      tasks of the sync             (SQS, or in process)
//!             Objects ──┤             people's photos               (S3, or a local folder)
//!                       └─ Clock, Entropy                           (the system's, or set by hand)
//! change-events ──┬─ Store
//!                 └─ Bus              change events                 (EventBridge, or a journal)
//! notify ─────────┬─ Store, Vault, Bus
//!                 └─ Outbox           mails and webhooks            (SES and HTTP, or a local page)
//! ```
//!
//! What happens is logged ([`logs`]), and counted ([`metrics`]).
//!
//! A trait stands only where two real implementations exist. DynamoDB has none: the real client runs everywhere, against AWS or against an
//! embedded engine.
//!
//! Deliberately absent: verdicts (those are `domain`'s) and retries of what a shell decides (the shells').
//!
//! To add an outside system: a module here with its client, deadline and error enum, and a field in [`Ports`], or in what the one function
//! is given that speaks to it.

pub mod bus;
pub mod clock;
pub mod entra;
pub mod entropy;
pub mod graph;
pub mod logs;
pub mod metrics;
pub mod objects;
pub mod outbox;
pub mod ports;
pub mod queue;
pub mod settings;
pub mod store;
pub mod tokens;
pub mod transport;
pub mod vault;
pub mod zones;

pub use ports::Ports;
