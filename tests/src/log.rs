//! What the product logs, kept for a story that reads it. One subscriber serves the whole process, because the levels that `tracing`
//! remembers are the process's; each story keeps what its own thread says.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Once;

use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;

thread_local! {
    static KEPT: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

static SUBSCRIBED: Once = Once::new();

/// The thread's log.
struct Keeper;

impl Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        KEPT.with_borrow_mut(|kept| kept.get_or_insert_default().extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Keeps what this thread logs from now on, at every level.
///
/// # Panics
/// When another subscriber was set before.
pub fn keep() {
    SUBSCRIBED.call_once(|| {
        let is_kept = dynamic_filter_fn(|_, _| KEPT.with_borrow(Option::is_some));
        let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| Keeper);
        let subscriber = tracing_subscriber::registry().with(is_kept).with(lines);
        tracing::subscriber::set_global_default(subscriber).expect("nobody else subscribes in these tests");
    });
    KEPT.set(Some(Vec::new()));
}

/// Keeps what this thread logs from now on as a function in the cloud would: from `info` up, without times.
///
/// # Panics
/// When another subscriber was set before.
pub fn keep_as_deployed() {
    SUBSCRIBED.call_once(|| {
        let lines = tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_target(false).with_writer(|| Keeper);
        let subscriber = tracing_subscriber::registry().with(tracing_subscriber::filter::LevelFilter::INFO).with(lines);
        tracing::subscriber::set_global_default(subscriber).expect("nobody else subscribes in this process");
    });
    KEPT.set(Some(Vec::new()));
}

/// What was kept.
#[must_use]
pub fn kept() -> String {
    KEPT.with_borrow(|kept| String::from_utf8_lossy(kept.as_deref().unwrap_or_default()).into_owned())
}
