//! The Lambda function behind the notices' schedule, and behind what SES tells of mails.

use adapters::metrics;
use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use notify::{Desk, Report, handle, settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    adapters::logs::start();
    let desk = settings::from_environment()?;
    run(service_fn(|event: LambdaEvent<EventBridgeEvent>| metrics::told(serve(&desk, event)))).await
}

async fn serve(desk: &Desk, event: LambdaEvent<EventBridgeEvent>) -> Result<Report, Error> {
    let deadline = i64::try_from(event.context.deadline).map(Timestamp::from_millisecond)??;
    Ok(Box::pin(handle(desk, event.payload, deadline)).await?)
}
