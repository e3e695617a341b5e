//! What is printed: a line for each program and round, how many times ours the others take, and the bounds that hold for ours.

use system_tests::contest::toll::About;
use system_tests::contest::{Outcome, Round};

use crate::options::Section;
use crate::program::Program;

const MIB: f64 = 1024.0 * 1024.0;
/// The bounds. Processor time a person, in microseconds.
const UNCHANGED_MICROSECONDS_MAX: f64 = 8.0;
const CHANGED_MICROSECONDS_MAX: f64 = 45.0;
const PEAK_MIB_MAX: f64 = 48.0;
/// Write units of one changed person.
const WRITES_MAX: f64 = 1.0;
/// Write requests of a round in which nobody changed.
const CONTROL_WRITES_MAX: f64 = 2.0;
/// Read units of a full round, a thousand people.
const READS_MAX: f64 = 10.0;
/// How long a round takes, by how long it waits for Graph.
const WALL_MAX: f64 = 1.1;

pub(crate) fn title(section: &Section) {
    let wait = match section.wait {
        0 => "Graph answers at once".to_owned(),
        milliseconds => format!("Graph answers after {milliseconds} ms"),
    };
    println!("\n{} people; {wait}", section.people);
    heading(["people", "processor", "people a", "wall", "waiting", "memory", "", "reads", "writes", "of index", "control"]);
    heading(["", "each", "CPU s", "", "for Graph", "MiB, peak", "calls", "a 1,000", "each", "each", "writes"]);
}

fn heading(names: [&str; 11]) {
    let [people, processor, second, wall, waiting, memory, calls, reads, writes, indexes, control] = names;
    println!(
        "  {:<31} {:<24} {people:>7} | {processor:>12} {second:>8} | {wall:>8} {waiting:>9} | {memory:>9} | {calls:>6} {reads:>8} {writes:>7} \
         {indexes:>8} {control:>8}",
        "", ""
    );
}

pub(crate) fn rows(program: Program, outcomes: &[Outcome]) {
    for outcome in outcomes {
        let people = outcome.dynamodb.about(About::People);
        let all = outcome.dynamodb.total();
        let written = (outcome.changed as f64).max(1.0);
        println!(
            "  {:<31} {:<24} {:>7} | {:>12} {:>8} | {:>6.2} s {:>7.2} s | {:>9.1} | {:>6} {:>8.2} {:>7.3} {:>8.3} {:>8}",
            program.name(),
            outcome.round.name(),
            outcome.people,
            processor(outcome),
            a_second(outcome),
            outcome.wall.as_secs_f64(),
            outcome.graph.waited.as_secs_f64(),
            outcome.peak_bytes as f64 / MIB,
            all.calls,
            reads_a_thousand(outcome),
            people.writes / written,
            people.indexes / written,
            outcome.dynamodb.write_calls(About::Control),
        );
    }
}

/// A person of whom Graph told; where it told of nobody, the whole round.
fn processor(outcome: &Outcome) -> String {
    match outcome.told {
        0 => format!("{:.2} ms all", outcome.processor.as_secs_f64() * 1e3),
        _ => format!("{:.2} us", microseconds(outcome)),
    }
}

fn a_second(outcome: &Outcome) -> String {
    match outcome.told {
        0 => "-".to_owned(),
        told => format!("{:.0}", told as f64 / outcome.processor.as_secs_f64()),
    }
}

fn microseconds(outcome: &Outcome) -> f64 {
    outcome.processor.as_secs_f64() * 1e6 / (outcome.told as f64).max(1.0)
}

fn reads_a_thousand(outcome: &Outcome) -> f64 {
    outcome.dynamodb.total().reads * 1e3 / outcome.people as f64
}

/// How many times ours the others take, and whether ours keeps its bounds.
pub(crate) fn end(section: &Section, results: &[(Program, Vec<Outcome>)]) {
    let Some((_, ours)) = results.iter().find(|(program, _)| *program == Program::Ours) else {
        return;
    };
    for (program, outcomes) in results.iter().filter(|(program, _)| *program != Program::Ours) {
        let times: Vec<String> = outcomes.iter().zip(ours).map(|(theirs, ours)| against(theirs, ours)).collect();
        println!("  {} takes, of ours: {}", program.name(), times.join("; "));
    }
    for outcome in ours {
        bounds(section, outcome);
    }
    for outcome in ours {
        parts(outcome);
    }
}

fn against(theirs: &Outcome, ours: &Outcome) -> String {
    let memory = theirs.peak_bytes as f64 / ours.peak_bytes as f64;
    format!("{}: processor {:.1}, memory {memory:.1}", theirs.round.name(), microseconds(theirs) / microseconds(ours))
}

fn bounds(section: &Section, outcome: &Outcome) {
    let people = outcome.dynamodb.about(About::People);
    let tell = |what: &str, value: f64, max: f64| {
        let verdict = if value <= max { "kept" } else { "BROKEN" };
        println!("  {verdict:<6} {}: {what} {value:.2}, at most {max}", outcome.round.name());
    };
    let units_each = (people.writes - people.indexes) / (outcome.changed as f64).max(1.0);
    match outcome.round {
        Round::FirstLoad => tell("microseconds of processor time a person", microseconds(outcome), CHANGED_MICROSECONDS_MAX),
        Round::Unchanged => {
            tell("people written", people.written as f64, 0.0);
            tell("control writes", outcome.dynamodb.write_calls(About::Control) as f64, CONTROL_WRITES_MAX);
        }
        Round::Changed => tell("write units a changed person", people.writes / outcome.changed as f64, WRITES_MAX),
        Round::ResyncUnchanged => {
            tell("microseconds of processor time a person", microseconds(outcome), UNCHANGED_MICROSECONDS_MAX);
            tell("people written", people.written as f64, 0.0);
            tell("read units a 1,000 people", reads_a_thousand(outcome), READS_MAX);
        }
        Round::ResyncChanged => {
            tell("write units a changed person", units_each, WRITES_MAX);
            tell("MiB of memory at the end", outcome.peak_bytes as f64 / MIB, PEAK_MIB_MAX);
            println!("         {:.1} MiB of address space at the end", outcome.mapped_bytes as f64 / MIB);
        }
    }
    if section.wait > 0 && outcome.graph.waited.as_secs_f64() > 0.0 {
        tell("times the wait for Graph", outcome.wall.as_secs_f64() / outcome.graph.waited.as_secs_f64(), WALL_MAX);
    }
}

/// Where units go.
fn parts(outcome: &Outcome) {
    let part = |(about, operation, count): &(About, String, system_tests::contest::toll::Count)| {
        let units = count.reads + count.writes;
        format!("{operation} of {} {} calls {units:.1} units", format!("{about:?}").to_lowercase(), count.calls)
    };
    let parts: Vec<String> = outcome.dynamodb.0.iter().map(part).collect();
    let graph = outcome.graph;
    let bytes = graph.bytes as f64 / 1024.0;
    println!("    ours, {}: {}; Graph {} requests {bytes:.0} KiB", outcome.round.name(), parts.join("; "), graph.requests);
}
