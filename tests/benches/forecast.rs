//! How good the forecasts are, as a table: by kind of tenant, and by confidence.
//!
//! `cargo bench -p system-tests --bench forecast` prints it. `-- --tenants 200` chooses how many of each kind.

use system_tests::foresight;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
    let tenants = after("--tenants").and_then(|number| number.parse().ok()).unwrap_or(100);
    print!("{}", foresight::score(tenants, 1));
}
