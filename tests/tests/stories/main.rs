//! The product's stories, told through its public door. Each has a world of its own.

mod consent;
mod deaths;
mod first;
mod forecast;
mod forgery;
mod history;
mod leases;
mod outages;
mod resets;
mod secrets;
mod support;
mod throttles;
mod walks;
mod workers;
