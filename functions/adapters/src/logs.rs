//! Logs as JSON lines on standard output, which Lambda hands to CloudWatch.

/// Starts logging. The level comes from `RUST_LOG`; without it, `info`.
pub fn start() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let lines = tracing_subscriber::fmt().json().with_env_filter(filter).with_target(false).without_time();
    // A second start (in tests) keeps the first.
    let _ = lines.try_init();
}
