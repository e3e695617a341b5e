//! What is printed, and what must hold.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::{BINARY_MAX_BYTES, PROCESSOR_MAX, Program, STARTS, Start};

/// One program: the middle of all starts, and their ends.
pub(crate) struct Row {
    name: String,
    processor: [Duration; 3],
    wall: Duration,
    peak_bytes: u64,
    bytes: Option<u64>,
}

impl Row {
    pub(crate) fn of(program: &Program, starts: &[Start]) -> Self {
        let sorted = |of: fn(&Start) -> Duration| {
            let mut all: Vec<Duration> = starts.iter().map(of).collect();
            all.sort_unstable();
            [all[0], all[all.len() / 2], all[all.len() - 1]]
        };
        let [least, middle, most] = sorted(|start| start.processor);
        Self {
            name: program.name.clone(),
            processor: [least, middle, most],
            wall: sorted(|start| start.wall)[1],
            peak_bytes: starts.iter().map(|start| start.peak_bytes).max().unwrap_or_default(),
            bytes: program.bytes,
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

/// The table, as the README has it. A ratio compares with the slowest of ours.
pub(crate) fn print(rows: &[Row]) {
    let slowest = rows.iter().filter(|row| row.bytes.is_some()).map(|row| row.processor[1]).max().unwrap_or_default();
    println!("From exec to the first poll, the middle of {STARTS} starts:\n");
    println!("| function | processor, ms (least to most) | of the slowest of ours | wall, ms | peak memory, MiB | binary, MiB |");
    println!("|---|---|---|---|---|---|");
    for row in rows {
        let [least, middle, most] = row.processor.map(milliseconds);
        let ratio = middle / milliseconds(slowest);
        let binary = row.bytes.map_or_else(String::new, |bytes| format!("{:.2}", mebibytes(bytes)));
        let (wall, peak) = (milliseconds(row.wall), mebibytes(row.peak_bytes));
        println!("| {} | {middle:.1} ({least:.1} to {most:.1}) | {ratio:.1} | {wall:.1} | {peak:.1} | {binary} |", row.name);
    }
}

/// Holds ours to the bounds.
pub(crate) fn hold(rows: &[Row]) -> Result<()> {
    let slow = |row: &&Row| row.bytes.is_some() && row.processor[1] > PROCESSOR_MAX;
    let large = |row: &&Row| row.bytes.is_some_and(|bytes| bytes > BINARY_MAX_BYTES);
    let named = |rows: Vec<&Row>| rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>().join(", ");
    let (slow, large) = (named(rows.iter().filter(slow).collect()), named(rows.iter().filter(large).collect()));
    ensure!(slow.is_empty(), "slower than {PROCESSOR_MAX:?}: {slow}");
    ensure!(large.is_empty(), "larger than {} MiB: {large}", mebibytes(BINARY_MAX_BYTES));
    Ok(())
}
