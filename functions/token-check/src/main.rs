//! The Lambda function behind the schedule of checks.

use adapters::{Ports, metrics};
use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use token_check::{Plan, Report, plan, tick};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    adapters::logs::start();
    let (ports, plan) = plan::from_environment().await?;
    run(service_fn(|event: LambdaEvent<EventBridgeEvent>| metrics::told(Box::pin(handle(&ports, &plan, event))))).await
}

async fn handle(ports: &Ports, plan: &Plan, event: LambdaEvent<EventBridgeEvent>) -> Result<Report, Error> {
    let deadline = i64::try_from(event.context.deadline).map(Timestamp::from_millisecond)??;
    let report = tick(ports, plan, deadline).await?;
    tracing::info!(?report, "tick");
    Ok(report)
}
