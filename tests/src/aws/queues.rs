//! SQS: what is sent to a queue that nobody made is kept for the test to deliver. Queues that were made have a dead-letter queue each, and
//! hide what was received until it is released or deleted.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>, `API_ReceiveMessage`,
//! `API_ChangeMessageVisibility`, `API_DeleteMessage`, `API_GetQueueAttributes`, `API_GetQueueUrl`, `API_ListDeadLetterSourceQueues`

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::{Front, lock, spoken};

/// What the name of a dead-letter queue ends in.
const DEAD: &str = "-dead";

/// The queues that were made, by name.
#[derive(Default)]
pub(super) struct Queues {
    queues: BTreeMap<String, Vec<Message>>,
    sent: usize,
}

struct Message {
    id: String,
    body: String,
    is_hidden: bool,
}

/// The name of a queue, by its URL.
fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

impl Queues {
    pub(super) fn add(&mut self, queue: &str) {
        self.queues.entry(queue.to_owned()).or_default();
        self.queues.entry(format!("{queue}{DEAD}")).or_default();
    }

    /// Whether there is such a queue.
    pub(super) fn put(&mut self, url: &str, body: String) -> bool {
        let Some(queue) = self.queues.get_mut(name(url)) else {
            return false;
        };
        self.sent += 1;
        queue.push(Message { id: format!("message-{}", self.sent), body, is_hidden: false });
        true
    }

    pub(super) fn bodies(&self, url: &str) -> Vec<String> {
        self.queues.get(name(url)).into_iter().flatten().map(|message| message.body.clone()).collect()
    }

    fn receive(&mut self, url: &str, most: usize) -> Vec<Value> {
        let visible = self.queues.get_mut(name(url)).into_iter().flatten().filter(|message| !message.is_hidden);
        let mut received = Vec::new();
        for message in visible.take(most) {
            message.is_hidden = true;
            received.push(json!({
                "MessageId": message.id, "ReceiptHandle": message.id, "Body": message.body, "MD5OfBody": "",
                "Attributes": {"SentTimestamp": "1772445600000", "MessageGroupId": "con"},
            }));
        }
        received
    }

    fn release(&mut self, url: &str, receipt: &str) {
        let queue = self.queues.get_mut(name(url)).into_iter().flatten();
        queue.filter(|message| message.id == receipt).for_each(|message| message.is_hidden = false);
    }

    fn delete(&mut self, url: &str, receipt: &str) {
        if let Some(queue) = self.queues.get_mut(name(url)) {
            queue.retain(|message| message.id != receipt);
        }
    }

    fn attributes(&self, url: &str) -> Option<Value> {
        let queue = self.queues.get(name(url))?;
        let waiting = queue.iter().filter(|message| !message.is_hidden).count().to_string();
        let arn = |name: &str| format!("arn:aws:sqs:local:000000000000:{name}");
        let redrive = json!({"deadLetterTargetArn": arn(&format!("{}{DEAD}", name(url))), "maxReceiveCount": 5}).to_string();
        let mut attributes = json!({"QueueArn": arn(name(url)), "ApproximateNumberOfMessages": waiting});
        if !name(url).ends_with(DEAD) {
            attributes["RedrivePolicy"] = json!(redrive);
        }
        Some(attributes)
    }
}

pub(super) fn answer(front: &Front, operation: &str, asked: &Value) -> Response {
    let mut kept = lock(&front.kept);
    let word = |name: &str| asked[name].as_str().unwrap_or_default();
    let (url, receipt) = (word("QueueUrl"), word("ReceiptHandle"));
    let told = match operation {
        "SendMessage" => {
            let body = word("MessageBody").to_owned();
            if !kept.dead.put(url, body.clone()) {
                kept.messages.push(body);
            }
            Some(json!({"MessageId": "m", "MD5OfMessageBody": ""}))
        }
        "ReceiveMessage" => {
            let most = asked["MaxNumberOfMessages"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(1);
            Some(json!({"Messages": kept.dead.receive(url, most)}))
        }
        "ChangeMessageVisibility" => {
            kept.dead.release(url, receipt);
            Some(json!({}))
        }
        "DeleteMessage" => {
            kept.dead.delete(url, receipt);
            Some(json!({}))
        }
        "GetQueueAttributes" => kept.dead.attributes(url).map(|attributes| json!({"Attributes": attributes})),
        "GetQueueUrl" => {
            kept.dead.queues.contains_key(word("QueueName")).then(|| json!({"QueueUrl": format!("http://sqs/0/{}", word("QueueName"))}))
        }
        "ListDeadLetterSourceQueues" => {
            let source = url.strip_suffix(DEAD).filter(|source| kept.dead.queues.contains_key(name(source)));
            Some(json!({"queueUrls": source.into_iter().collect::<Vec<_>>()}))
        }
        _ => None,
    };
    match told {
        Some(told) => spoken(StatusCode::OK, &told),
        None => spoken(
            StatusCode::BAD_REQUEST,
            &json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": format!("{operation} {url}")}),
        ),
    }
}
