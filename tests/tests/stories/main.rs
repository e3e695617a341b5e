//! The product's stories, told through its public door. Each has a world of its own.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod answers;
mod app_only;
mod bus;
mod callers;
mod changes;
mod choices;
mod consent;
mod costs;
mod credentials;
mod deaths;
mod degraded;
mod deletions;
mod description;
mod diagnoses;
mod events;
mod first;
mod forecast;
mod foresight;
mod forgery;
mod history;
mod incidents;
mod lanes;
mod leases;
mod numbers;
mod objects;
mod outages;
mod photos;
mod reading;
mod requests;
mod resets;
mod secrets;
mod spares;
mod stretches;
mod support;
mod throttles;
mod upgrades;
mod verdicts;
mod walks;
mod warnings;
mod workers;
