//! Delivers the notices that are owed: mail, signed webhooks, the event bus.

pub mod mail;
