//! The two tables: there, as the code defines them, and safe.

use adapters::store::tables;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    GlobalSecondaryIndex, IndexStatus, PointInTimeRecoveryStatus, StreamViewType, TableDescription, TableStatus, TimeToLiveStatus,
};

use super::{Finding, Ward};

const DEPLOY: &str = "infra/stage deploy STAGE sets it up as data.yaml says";
/// The attribute by which items expire.
const EXPIRY: &str = "expires_at";

/// One of the two.
struct Wanted {
    variable: &'static str,
    indexes: Vec<GlobalSecondaryIndex>,
    has_stream: bool,
}

pub(super) async fn look(ward: &Ward<'_>) -> Vec<Finding> {
    let client = Client::from_conf(ward.aws.dynamodb());
    let wanted = [
        Wanted { variable: "EVERGRANT_CONNECTIONS_TABLE", indexes: tables::connection_indexes().unwrap_or_default(), has_stream: false },
        Wanted { variable: "EVERGRANT_PEOPLE_TABLE", indexes: tables::people_indexes().unwrap_or_default(), has_stream: true },
    ];
    let mut findings = Vec::new();
    for wanted in wanted {
        match ward.variable("table", wanted.variable) {
            Ok(name) => findings.extend(one(ward, &client, (name, &wanted)).await),
            Err(finding) => findings.push(finding),
        }
    }
    findings
}

async fn one(ward: &Ward<'_>, client: &Client, (name, wanted): (&str, &Wanted)) -> Vec<Finding> {
    let table = match client.describe_table().table_name(name).send().await {
        Ok(answer) => answer.table,
        Err(error) => return vec![ward.failed("table", &format!("table {name}"), &error, DEPLOY)],
    };
    let Some(table) = table else {
        return vec![Finding::wrong("table", format!("{name} is not described"), DEPLOY)];
    };
    let mut findings = shape(name, &table, wanted);
    if findings.is_empty() {
        findings.push(Finding::ok("table", format!("{name} has the keys and indexes of this release")));
    }
    if table.deletion_protection_enabled == Some(false) && !ward.aws.is_stand_in() {
        findings.push(Finding::warning("table", format!("{name} can be deleted by one call"), DEPLOY));
    }
    findings.push(expiry(ward, client, name).await);
    findings.push(backups(ward, client, name).await);
    findings
}

/// What is not as the code defines it.
fn shape(name: &str, table: &TableDescription, wanted: &Wanted) -> Vec<Finding> {
    let mut wrong = Vec::new();
    if table.table_status != Some(TableStatus::Active) {
        wrong.push(format!("{name} is {}", table.table_status.as_ref().map_or("in no state", TableStatus::as_str)));
    }
    let keys: Vec<&str> = table.key_schema().iter().map(|key| key.attribute_name.as_str()).collect();
    if keys != ["pk", "sk"] {
        wrong.push(format!("{name} has the keys {keys:?} and not pk and sk"));
    }
    for index in &wanted.indexes {
        let there = table.global_secondary_indexes().iter().find(|there| there.index_name.as_deref() == Some(index.index_name.as_str()));
        match there {
            None => wrong.push(format!("{name} lacks the index {}", index.index_name)),
            Some(there) if there.key_schema() != index.key_schema() => {
                wrong.push(format!("index {} of {name} has other keys", index.index_name))
            }
            Some(there)
                if there.projection.as_ref().map(|shown| &shown.projection_type)
                    != index.projection.as_ref().map(|shown| &shown.projection_type) =>
            {
                wrong.push(format!("index {} of {name} shows other attributes", index.index_name));
            }
            Some(there) if there.index_status.as_ref().is_some_and(|status| *status != IndexStatus::Active) => {
                wrong.push(format!("index {} of {name} is not active yet", index.index_name));
            }
            Some(_) => {}
        }
    }
    let stream =
        table.stream_specification.as_ref().filter(|stream| stream.stream_enabled).and_then(|stream| stream.stream_view_type.clone());
    if wanted.has_stream && stream != Some(StreamViewType::NewAndOldImages) {
        wrong.push(format!("{name} has no stream of new and old images: no change of a person is told"));
    }
    wrong.into_iter().map(|what| Finding::wrong("table", what, DEPLOY)).collect()
}

async fn expiry(ward: &Ward<'_>, client: &Client, name: &str) -> Finding {
    let described = match client.describe_time_to_live().table_name(name).send().await {
        Ok(answer) => answer.time_to_live_description,
        Err(error) => return ward.failed("expiry", &format!("how items of {name} expire"), &error, DEPLOY),
    };
    let is_on = |status: &Option<TimeToLiveStatus>| matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
    let is_set = described.is_some_and(|ttl| is_on(&ttl.time_to_live_status) && ttl.attribute_name.as_deref() == Some(EXPIRY));
    match is_set {
        true => Finding::ok("expiry", format!("items of {name} expire by {EXPIRY}")),
        false if ward.aws.is_stand_in() => Finding::skipped("expiry", format!("items of {name} do not expire in this stand-in")),
        false => Finding::wrong("expiry", format!("items of {name} never expire: attempts, notes of changes and rolls pile up"), DEPLOY),
    }
}

async fn backups(ward: &Ward<'_>, client: &Client, name: &str) -> Finding {
    let described = match client.describe_continuous_backups().table_name(name).send().await {
        Ok(answer) => answer.continuous_backups_description,
        Err(error) => return ward.failed("backups", &format!("backups of {name}"), &error, DEPLOY),
    };
    let recovery = described.and_then(|backups| backups.point_in_time_recovery_description);
    match recovery.and_then(|recovery| recovery.point_in_time_recovery_status) == Some(PointInTimeRecoveryStatus::Enabled) {
        true => Finding::ok("backups", format!("{name} can be had back as it was at any second of the last weeks")),
        false => Finding::wrong("backups", format!("{name} has no point-in-time recovery: what is lost is lost"), DEPLOY),
    }
}
