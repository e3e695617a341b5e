//! The product's stories, told through its public door. Each has a world of its own.

mod consent;
mod deaths;
mod first;
mod forecast;
mod forgery;
mod leases;
mod outages;
mod secrets;
mod support;
