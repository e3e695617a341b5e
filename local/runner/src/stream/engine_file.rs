//! Keeps the engine's file fit for a stream that is followed for years.
//!
//! DynamoDB forgets records after a day; the engine keeps them for ever, and looks through all of them at every write.

use std::path::Path;

use anyhow::{Context as _, Result};
use rusqlite::Connection;

/// What the engine adds to its own numbers to make them as long as DynamoDB's.
const OFFSET: u128 = 100_000_000_000_000_000_000;
/// The numbers in order, so that the engine's questions for the last one and for those after one are answered without a look at the rest.
const INDEX: &str = "CREATE INDEX IF NOT EXISTS evergrant_stream ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";
const FORGET: &str = "DELETE FROM _stream_records WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) < ?2";

/// Removes a table's records before the last settled one, which stays because the next one is numbered after it. To be called while the
/// engine serves nobody.
///
/// # Errors
/// When the file is not one of the engine's.
pub fn tidy(file: &Path, table: &str, settled: Option<&str>) -> Result<()> {
    let connection = Connection::open(file).with_context(|| format!("{} cannot be opened", file.display()))?;
    connection.execute(INDEX, []).context("the stream's records cannot be put in order")?;
    if let Some(number) = settled.and_then(own_number) {
        connection.execute(FORGET, (table, number)).context("the stream's settled records cannot be removed")?;
    }
    Ok(())
}

fn own_number(public: &str) -> Option<i64> {
    i64::try_from(public.parse::<u128>().ok()?.checked_sub(OFFSET)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_the_stream_is_known_as_the_engines_own() {
        assert_eq!(own_number("100001761000000000000"), Some(1_761_000_000_000_000));
        assert_eq!((own_number("5"), own_number("none")), (None, None));
    }
}
