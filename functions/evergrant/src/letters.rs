//! Dead letters: what was tried several times and given up.
//!
//! A task says only whose work it is, and where that stands is in the table; so it may be delivered again at any time, and twice. What is no
//! task was put there by mistake or by another version, and is never moved by itself.

use std::collections::BTreeMap;

use adapters::queue::SyncTask;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use domain::ids::ConnectionId;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::arguments::Letters;
use crate::console::{Console, maybe_at};
use crate::desk::Desk;
use crate::{Exit, Fault};

/// How long a message is hidden from others while it is looked at.
const HIDDEN_SECONDS: i32 = 120;
/// The most messages of one answer, by SQS.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
const TAKEN_MAX: i32 = 10;
/// The most messages of one command; what is left is told, and the command can be given again.
const LETTERS_MAX: usize = 1_000;
/// An answer may be empty although there are messages: SQS asks a part of its servers, unless it waits.
const WAIT_SECONDS: i32 = 1;
/// The most of a message that is shown.
const SHOWN_MAX: usize = 300;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// A step of the sync or of the photos.
    Task,
    /// JSON, of another function.
    Json,
    /// Nothing that anybody of us wrote.
    Malformed,
}

/// A message as it is shown.
#[derive(Debug, Serialize)]
struct Line<'a> {
    id: &'a str,
    kind: Kind,
    connection: Option<ConnectionId>,
    sent_at: Option<Timestamp>,
    body: String,
}

impl Line<'_> {
    fn of(message: &Message) -> Line<'_> {
        let body = message.body().unwrap_or_default();
        let sent = message.attributes().and_then(|attributes| attributes.get(&MessageSystemAttributeName::SentTimestamp));
        let (kind, connection) = read(body);
        Line {
            id: message.message_id().unwrap_or_default(),
            kind,
            connection,
            sent_at: sent.and_then(|sent| Timestamp::from_millisecond(sent.parse().ok()?).ok()),
            body: body.chars().take(SHOWN_MAX).collect(),
        }
    }

    fn text(&self) -> String {
        let kind = crate::console::word(&self.kind);
        format!("{kind:<10}  {:<20}  {:<36}  {}", maybe_at(self.sent_at), self.id, self.body.replace(char::is_control, " "))
    }
}

fn read(body: &str) -> (Kind, Option<ConnectionId>) {
    match serde_json::from_str::<SyncTask>(body) {
        Ok(task) => (Kind::Task, Some(task.connection)),
        Err(_) if serde_json::from_str::<BTreeMap<String, serde_json::Value>>(body).is_ok() => (Kind::Json, None),
        Err(_) => (Kind::Malformed, None),
    }
}

/// A dead-letter queue.
struct DeadQueue<'a> {
    client: Client,
    url: &'a str,
}

/// Shows them, or moves them back.
pub(crate) async fn run(desk: &Desk, act: &Letters, console: &mut Console<'_>) -> Result<Exit, Fault> {
    let aws = desk.aws.as_ref().ok_or_else(|| Fault::BadUse("AWS is not reachable from here".to_owned()))?;
    let client = Client::from_conf(aws.sqs());
    match act {
        Letters::List { queue } => list(&DeadQueue { client, url: queue }, console).await,
        Letters::Replay { queue, to, any } => {
            let dead = DeadQueue { client, url: queue };
            let to = match to {
                Some(to) => to.clone(),
                None => dead.source().await?,
            };
            let most = if *any { Kind::Json } else { Kind::Task };
            replay(&dead, (&to, most), console).await
        }
    }
}

async fn list(dead: &DeadQueue<'_>, console: &mut Console<'_>) -> Result<Exit, Fault> {
    let mut seen = Vec::new();
    let listed = gather(dead, &mut seen, console).await;
    // They are shown to the next reader at once, whatever happened here.
    for message in &seen {
        dead.release(message).await?;
    }
    let is_whole = listed?;
    console.aside(&format!("{} messages{}", seen.len(), if is_whole { "" } else { ", and more" }))?;
    Ok(if seen.is_empty() { Exit::Well } else { Exit::Wrong })
}

/// Takes and shows every message; whether there are no others.
async fn gather(dead: &DeadQueue<'_>, seen: &mut Vec<Message>, console: &mut Console<'_>) -> Result<bool, Fault> {
    while seen.len() < LETTERS_MAX {
        let taken = dead.take().await?;
        if taken.is_empty() {
            return Ok(true);
        }
        for message in taken {
            let line = Line::of(&message);
            console.say(&line, || line.text())?;
            seen.push(message);
        }
    }
    Ok(false)
}

async fn replay(dead: &DeadQueue<'_>, (to, most): (&str, Kind), console: &mut Console<'_>) -> Result<Exit, Fault> {
    let (mut moved, mut left) = (0_u32, Vec::new());
    let outcome = loop {
        if left.len() >= LETTERS_MAX {
            break Ok(());
        }
        match dead.take().await {
            Ok(taken) if taken.is_empty() => break Ok(()),
            Ok(taken) => {
                if let Err(fault) = dead.move_all((to, most), taken, (&mut moved, &mut left)).await {
                    break Err(fault);
                }
            }
            Err(fault) => break Err(fault),
        }
    };
    for message in &left {
        let line = Line::of(message);
        console.say(&line, || format!("stays: {}", line.text()))?;
        dead.release(message).await?;
    }
    outcome?;
    console.say(&json!({"moved": moved, "left": left.len(), "to": to}), || format!("{moved} moved to {to}; {} stay", left.len()))?;
    Ok(if left.is_empty() { Exit::Well } else { Exit::Wrong })
}

impl DeadQueue<'_> {
    /// The one queue whose dead letters these are.
    async fn source(&self) -> Result<String, Fault> {
        let answer = self.client.list_dead_letter_source_queues().queue_url(self.url).send().await;
        let answer = answer.map_err(|error| Fault::aws(format!("find whose dead letters are in {}", self.url), error))?;
        match answer.queue_urls() {
            [source] => Ok(source.clone()),
            [] => Err(Fault::BadUse(format!("{} takes the dead letters of no queue: name one by --to", self.url))),
            several => Err(Fault::BadUse(format!("{} takes the dead letters of {}: name one by --to", self.url, several.join(", ")))),
        }
    }

    async fn take(&self) -> Result<Vec<Message>, Fault> {
        let request = self.client.receive_message().queue_url(self.url).max_number_of_messages(TAKEN_MAX);
        let request = request
            .visibility_timeout(HIDDEN_SECONDS)
            .wait_time_seconds(WAIT_SECONDS)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_system_attribute_names(MessageSystemAttributeName::MessageGroupId);
        let answer = request.send().await.map_err(|error| Fault::aws(format!("read {}", self.url), error))?;
        Ok(answer.messages.unwrap_or_default())
    }

    /// Lets others see a message at once.
    async fn release(&self, message: &Message) -> Result<(), Fault> {
        let request = self.client.change_message_visibility().queue_url(self.url).visibility_timeout(0);
        let request = request.set_receipt_handle(message.receipt_handle.clone()).send().await;
        request.map(drop).map_err(|error| Fault::aws(format!("release a message of {}", self.url), error))
    }

    /// Moves what may be moved; the rest is `left`.
    async fn move_all(
        &self,
        (to, most): (&str, Kind),
        taken: Vec<Message>,
        (moved, left): (&mut u32, &mut Vec<Message>),
    ) -> Result<(), Fault> {
        for message in taken {
            let (kind, _) = read(message.body().unwrap_or_default());
            let may = kind == Kind::Task || kind == most;
            if may {
                // Sent first: a message that comes twice does no harm, and one that is lost does.
                self.send(&message, to).await?;
                self.delete(&message).await?;
                *moved += 1;
            } else {
                left.push(message);
            }
        }
        Ok(())
    }

    async fn send(&self, message: &Message, to: &str) -> Result<(), Fault> {
        let group = message.attributes().and_then(|attributes| attributes.get(&MessageSystemAttributeName::MessageGroupId));
        let request = self.client.send_message().queue_url(to).message_body(message.body().unwrap_or_default());
        let sent = request.set_message_group_id(group.cloned()).send().await;
        sent.map(drop).map_err(|error| Fault::aws(format!("send a message to {to}"), error))
    }

    async fn delete(&self, message: &Message) -> Result<(), Fault> {
        let request = self.client.delete_message().queue_url(self.url).set_receipt_handle(message.receipt_handle.clone());
        request.send().await.map(drop).map_err(|error| Fault::aws(format!("delete a message of {}", self.url), error))
    }
}
