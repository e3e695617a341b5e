//! The bill: which units of AWS a deployment uses in a month, and what they cost at list prices.
//!
//! A connection is lived through for a week in virtual time, a full round among them, once with one person and once with many; requests
//! and units are counted where they pass. A deployment without connections is a minute that is the same all month. What is left after the
//! smaller is taken from the larger is what one connection, or a thousand people, add.
//!
//! Measured: invocations, units of DynamoDB, messages, events, requests to KMS, bytes of logs. Assumed: how long requests take (see
//! `house`), that one person in a hundred changes a day and every other one has a photo of 12 KB, and that a queue without messages is asked
//! fifteen times a minute. Left out: requests to the API, traffic to the internet, first loads, and mails, which a connection that is well
//! causes none of. `cargo xtask bench bill` prints the table; `-- --people 1000` chooses how many are many.

mod house;
mod logged;
mod prices;
mod units;

use anyhow::{Context as _, Result};
use jiff::SignedDuration;

use house::{House, in_templates};
use prices::{MAIL, PRICES, READ};
use units::Units;

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Minutes of a month: a year's twelfth.
const MONTH_MINUTES: f64 = 365.25 * 24.0 * 60.0 / 12.0;
const MONTH_WEEKS: f64 = MONTH_MINUTES / (7.0 * 24.0 * 60.0);
/// Lambda asks a queue with five pollers, each of which waits for up to twenty seconds.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>
const POLLS_A_MINUTE: f64 = 5.0 * 3.0;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    logged::start();
    let arguments: Vec<String> = std::env::args().collect();
    let people = arguments.iter().position(|argument| argument == "--people").and_then(|at| arguments.get(at + 1));
    let people: u32 = people.map_or(Ok(1_000), |people| people.parse()).context("--people needs a number")?;
    let idle = House::open(None, Units::default()).await?.idle().await?;
    let one = House::open(Some(1), idle.units).await?.live(WEEK, 0).await?;
    let many = House::open(Some(people), idle.units).await?.live(WEEK, people / 100).await?;
    let names = idle.names.iter().chain(&one.names).chain(&many.names).collect::<std::collections::BTreeSet<_>>();
    let stage = Units {
        queue_requests: POLLS_A_MINUTE * MONTH_MINUTES * in_templates("EventSourceArn: !GetAtt")?,
        keys: in_templates("Type: AWS::KMS::Key")?,
        metrics: names.len() as f64,
        alarms: in_templates("MetricStat:")? + in_templates("      MetricName:")?,
        dashboards: in_templates("Type: AWS::CloudWatch::Dashboard")?,
        ..idle.units.times(MONTH_MINUTES)
    };
    let connection = one.units.for_so_long(MONTH_WEEKS);
    let thousand = many.units.less(one.units).for_so_long(MONTH_WEEKS).times(1_000.0 / f64::from(people - 1));
    print(&[stage, connection, thousand]);
    Ok(())
}

/// The table, as the runbook has it.
fn print(columns: &[Units; 3]) {
    println!("| a month | a stage | a connection | 1,000 people | US dollars each |");
    println!("|---|---|---|---|---|");
    for price in &PRICES {
        let cells = columns.each_ref().map(|units| number((price.amount)(units)));
        println!("| {} | {} | {:.9} |", price.name, cells.join(" | "), price.dollars);
    }
    let dollars = |units: &Units| PRICES.iter().map(|price| (price.amount)(units) * price.dollars).sum::<f64>();
    let sums = columns.each_ref().map(|units| format!("{:.4}", dollars(units)));
    println!("| **US dollars** | {} | |", sums.join(" | "));
    println!("\nList prices of us-east-1, {READ}, without free tiers. A mail costs {MAIL:.4} more.");
}

/// Whole where it is large, and to three digits where it is small.
fn number(amount: f64) -> String {
    match amount {
        amount if amount.abs() >= 100.0 => grouped(amount.round()),
        amount if amount.abs() >= 0.001 => format!("{amount:.3}"),
        _ => "0".to_owned(),
    }
}

/// With a comma for each thousand.
fn grouped(whole: f64) -> String {
    let digits = format!("{:.0}", whole.abs());
    let parts: Vec<String> = digits.as_bytes().rchunks(3).rev().map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    format!("{}{}", if whole < 0.0 { "-" } else { "" }, parts.join(","))
}
