//! The Lambda function behind the photos' schedule and their queue.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use photo_sync::{Studio, settings, step, take, tick};

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
    let studio = settings::studio_from_environment().await?;
    run(service_fn(|event: LambdaEvent<Event>| adapters::metrics::told(Box::pin(handle(&studio, event))))).await
}

async fn handle(studio: &Studio, event: LambdaEvent<Event>) -> Result<SqsBatchResponse, Error> {
    let deadline = i64::try_from(event.context.deadline).map(Timestamp::from_millisecond)??;
    let mut response = SqsBatchResponse::default();
    match event.payload {
        Event::Tick(event) => tracing::info!(source = event.source, due = tick(studio).await?, "tick"),
        Event::Tasks(tasks) => {
            for message in tasks.records {
                let until = step::slice_until(studio, deadline);
                if !take(studio, message.body.as_deref().unwrap_or_default(), until).await {
                    response.add_failure(message.message_id.unwrap_or_default());
                }
            }
        }
    }
    Ok(response)
}
