//! What is printed.

use std::time::Duration;

use system_tests::crowd::{Kind, Lengths};

use crate::Phase;

pub(crate) fn title(size: u32, lengths: Lengths) {
    let tokens = match lengths {
        Lengths::OWN => "tokens as long as the simulator's".to_owned(),
        Lengths { refresh, access } => format!("refresh tokens of {refresh} characters, access tokens of {access}"),
    };
    println!("\n{size} connections, {tokens}; each check, or each tick where nothing is due:");
    println!(
        "  {:<30} {:>9} {:>9} {:>6} {:>6} {:>6} {:>7} {:>7} {:>8} {:>6} {:>5} {:>5}",
        "", "processor", "per s", "calls", "reads", "writes", "by-work", "by-cust", "requests", "Graph", "seals", "opens"
    );
}

/// One phase, for each check, or for each tick where nothing was due.
pub(crate) fn row(phase: &Phase, processor: Duration) {
    let count = count(phase);
    let all = phase.cost.total().over(count);
    let each = processor.as_secs_f64() / count;
    let whole = |number: u64| number as f64 / count;
    println!(
        "  {:<30} {:>6.0} us {:>9.0} {:>6.2} {:>6.2} {:>6.2} {:>7.2} {:>7.2} {:>8.2} {:>6.2} {:>5.2} {:>5.2}",
        phase.name,
        each * 1e6,
        1.0 / each,
        all.calls,
        all.reads,
        all.writes,
        all.by_work,
        all.by_customer,
        whole(phase.cost.token_requests),
        whole(phase.cost.graph_requests),
        whole(phase.cost.seals),
        whole(phase.cost.opens),
    );
}

/// Where calls and units go, and how large items are.
pub(crate) fn parts(kind: Kind, phases: &[Phase]) {
    for phase in phases {
        let count = count(phase);
        let part = |(purpose, all): (&String, &system_tests::scale::Use)| {
            let each = all.over(count);
            format!(
                "{purpose} {:.2} calls {:.2} r {:.2} w ({:.2} index)",
                each.calls,
                each.reads,
                each.writes,
                each.by_work + each.by_customer
            )
        };
        let parts: Vec<String> = phase.cost.dynamodb.iter().map(part).collect();
        println!("    {kind:?}, {}: {}", phase.name, parts.join("; "));
    }
    let sizes = phases.iter().find(|phase| phase.name.starts_with("healthy")).map(|phase| &phase.sizes);
    let sizes: Vec<String> = sizes.into_iter().flatten().map(|(key, bytes)| format!("{key} {bytes} bytes")).collect();
    println!("    {kind:?}, items while healthy: {}", sizes.join(", "));
}

fn count(phase: &Phase) -> f64 {
    match phase.cost.checks() {
        0 => f64::from(phase.ticks),
        checks => f64::from(checks),
    }
}
