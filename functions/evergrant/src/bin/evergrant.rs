//! The operator's command line: see the library.

use std::io;
use std::process::ExitCode;

use clap::Parser as _;
use evergrant::arguments::Arguments;
use evergrant::console::{Console, Format};
use evergrant::desk::Desk;
use evergrant::{Exit, login, run, told};
use tracing_subscriber::EnvFilter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let exit = match Box::pin(work(&arguments)).await {
        Ok(exit) => exit,
        Err((exit, why)) => {
            eprintln!("evergrant: {why}");
            exit
        }
    };
    ExitCode::from(exit.code())
}

async fn work(arguments: &Arguments) -> Result<Exit, (Exit, String)> {
    let variables = login::environment().await.map_err(|why| (Exit::BadUse, why))?;
    let desk = Desk::from_environment(variables).map_err(|error| (Exit::BadUse, error.to_string()))?;
    let format = if arguments.json { Format::Json } else { Format::Text };
    let mut console = Console::new(format, io::stdin().lock(), io::stdout().lock(), io::stderr().lock());
    run(&arguments.command, &desk, &mut console).await.map_err(|fault| (fault.exit(), told(&fault)))
}
