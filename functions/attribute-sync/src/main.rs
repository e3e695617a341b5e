//! The Lambda function behind the sync's schedule and its queues.

use adapters::metrics;
use attribute_sync::{Shift, plan, take, tick};
use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

/// What starts this function.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Event {
    Tasks(SqsEvent),
    Tick(Box<EventBridgeEvent>),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    adapters::logs::start();
    let (ports, plan) = &plan::from_environment().await?;
    run(service_fn(|event| metrics::told(Box::pin(handle(Shift { ports, plan, deadline: Timestamp::MAX }, event))))).await
}

async fn handle(shift: Shift<'_>, event: LambdaEvent<Event>) -> Result<SqsBatchResponse, Error> {
    let mut response = SqsBatchResponse::default();
    let shift = Shift { deadline: i64::try_from(event.context.deadline).map(Timestamp::from_millisecond)??, ..shift };
    match event.payload {
        Event::Tick(event) => tracing::info!(source = event.source, due = tick(shift.ports).await?, "tick"),
        Event::Tasks(tasks) => {
            for message in tasks.records {
                if !take(shift, message.body.as_deref().unwrap_or_default()).await {
                    response.add_failure(message.message_id.unwrap_or_default());
                }
            }
        }
    }
    Ok(response)
}
