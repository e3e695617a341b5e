//! The queues: there, with a place for what is given up, and how much waits.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;

use super::{Finding, Ward};

const DEPLOY: &str = "infra/stage deploy STAGE sets it up as template.yaml says";
/// From so many messages on a queue should be looked at.
const MANY: u64 = 10_000;

/// A queue that the functions are told of.
struct Wanted {
    variable: &'static str,
    /// Whether it may be missing, because what uses it is switched on apart.
    is_optional: bool,
    /// Whether its messages are those that were given up already.
    is_last: bool,
}

const WANTED: [Wanted; 4] = [
    Wanted { variable: "EVERGRANT_SYNC_QUEUE_URL", is_optional: false, is_last: false },
    Wanted { variable: "EVERGRANT_BULK_QUEUE_URL", is_optional: false, is_last: false },
    Wanted { variable: "EVERGRANT_PHOTO_QUEUE_URL", is_optional: false, is_last: false },
    Wanted { variable: "EVERGRANT_EVENTS_FAILED_QUEUE_URL", is_optional: true, is_last: true },
];

/// What a queue says of itself.
struct Told {
    waiting: u64,
    dead: Option<String>,
}

pub(super) async fn look(ward: &Ward<'_>) -> Vec<Finding> {
    let client = Client::from_conf(ward.aws.sqs());
    let mut findings = Vec::new();
    for wanted in WANTED {
        match ward.variable("queue", wanted.variable) {
            Ok(url) => findings.extend(one(ward, &client, (url, &wanted)).await),
            Err(_) if wanted.is_optional => {}
            Err(finding) => findings.push(finding),
        }
    }
    findings
}

async fn one(ward: &Ward<'_>, client: &Client, (url, wanted): (&str, &Wanted)) -> Vec<Finding> {
    let name = url.rsplit('/').next().unwrap_or(url);
    let told = match asked(ward, client, url).await {
        Ok(told) => told,
        Err(finding) => return vec![finding],
    };
    if wanted.is_last {
        return vec![given_up(name, url, told.waiting)];
    }
    let mut findings = vec![match told.waiting {
        MANY.. => Finding::warning("queue", format!("{} messages wait in {name}", told.waiting), "see SyncWaits in the runbook"),
        waiting => Finding::ok("queue", format!("{waiting} messages wait in {name}")),
    }];
    let Some(dead) = told.dead else {
        findings.push(Finding::wrong("dead letters", format!("{name} has no place for what is given up: it comes again forever"), DEPLOY));
        return findings;
    };
    let dead_name = dead.rsplit(':').next().unwrap_or(&dead).to_owned();
    let dead_url = match client.get_queue_url().queue_name(&dead_name).send().await {
        Ok(answer) => answer.queue_url.unwrap_or_default(),
        Err(error) => {
            findings.push(ward.failed("dead letters", &format!("queue {dead_name}"), &error, DEPLOY));
            return findings;
        }
    };
    findings.push(match asked(ward, client, &dead_url).await {
        Ok(told) => given_up(&dead_name, &dead_url, told.waiting),
        Err(finding) => finding,
    });
    findings
}

fn given_up(name: &str, url: &str, waiting: u64) -> Finding {
    match waiting {
        0 => Finding::ok("dead letters", format!("none in {name}")),
        waiting => {
            let advice = format!("evergrant dead-letters list {url}");
            Finding::warning("dead letters", format!("{waiting} in {name}"), &advice)
        }
    }
}

async fn asked(ward: &Ward<'_>, client: &Client, url: &str) -> Result<Told, Finding> {
    let request = client.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All);
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return Err(ward.failed("queue", &format!("queue {url}"), &error, DEPLOY)),
    };
    let attribute = |name: &QueueAttributeName| answer.attributes().and_then(|attributes| attributes.get(name));
    let policy = attribute(&QueueAttributeName::RedrivePolicy).and_then(|policy| serde_json::from_str::<serde_json::Value>(policy).ok());
    Ok(Told {
        waiting: attribute(&QueueAttributeName::ApproximateNumberOfMessages).and_then(|count| count.parse().ok()).unwrap_or_default(),
        dead: policy.and_then(|policy| policy["deadLetterTargetArn"].as_str().map(str::to_owned)),
    })
}
