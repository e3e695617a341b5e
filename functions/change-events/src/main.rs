//! The Lambda function behind the stream of the people table.

use aws_lambda_events::event::dynamodb::Event;
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use change_events::{Desk, publish, settings};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    adapters::logs::start();
    let desk = settings::from_environment()?;
    run(service_fn(|event: LambdaEvent<Event>| handle(&desk, event))).await
}

async fn handle(desk: &Desk, event: LambdaEvent<Event>) -> Result<DynamoDbEventResponse, Error> {
    let deadline = i64::try_from(event.context.deadline).map(Timestamp::from_millisecond)??;
    Ok(publish(desk, event.payload, deadline).await)
}
