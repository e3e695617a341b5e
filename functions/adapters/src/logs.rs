//! Logs as JSON lines on standard output, which Lambda hands to CloudWatch.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging. `RUST_LOG` says from which level up, such as `info` or `info,adapters=debug`; without it, `info`.
pub fn start() {
    // Not by an `EnvFilter`: it brings an engine of regular expressions, which every start would pay for.
    let told = std::env::var("RUST_LOG").ok().filter(|text| !text.trim().is_empty()).and_then(|text| text.parse().ok());
    let filter = told.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer().json().with_target(false).without_time();
    // A second start (in tests) keeps the first.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}
