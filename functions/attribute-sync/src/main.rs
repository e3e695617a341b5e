//! The Lambda function behind the sync's schedule and its queue.

use adapters::Ports;
use attribute_sync::{take, tick};
use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
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
    let ports = Ports::from_environment().await?;
    run(service_fn(|event: LambdaEvent<Event>| handle(&ports, event.payload))).await
}

async fn handle(ports: &Ports, event: Event) -> Result<SqsBatchResponse, Error> {
    let mut response = SqsBatchResponse::default();
    match event {
        Event::Tick(event) => tracing::info!(source = event.source, due = tick(ports).await?, "tick"),
        Event::Tasks(tasks) => {
            for message in tasks.records {
                if !take(ports, message.body.as_deref().unwrap_or_default()).await {
                    response.add_failure(message.message_id.unwrap_or_default());
                }
            }
        }
    }
    Ok(response)
}
