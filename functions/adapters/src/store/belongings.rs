//! Everything that is stored for a connection, whatever it is: for an export, which leaves nothing out, and for an erasure, which leaves
//! nothing over. Both go by the same list of partitions, so that neither knows of anything that the other does not.
//!
//! To store something new for a connection under a key of its own: a line in [`Partition::all_of`] and in [`KINDS`].

mod told;

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};
use domain::ids::{AttemptId, ConnectionId, CustomerId};

use super::item::{Item, Reader, text};
use super::{Store, StoreError, connection_key, failed};

/// What items are called, by the beginnings of their partition and sort keys. The first line that fits counts.
const KINDS: [(&str, &str, &str); 16] = [
    ("connection#", "connection", "connection"),
    ("connection#", "grant#", "tokens"),
    ("connection#", "walk", "walk"),
    ("connection#", "attempt", "latest-attempt"),
    ("connection#", "notice#", "notice"),
    ("connection#", "photos", "photo-tour"),
    ("connection#", "newcomers", "newcomers"),
    ("attempt#", "attempt", "attempt"),
    ("changes#", "", "changes"),
    ("roll#", "", "roll"),
    ("gone#", "", "gone"),
    ("photo#", "", "photo"),
    ("customer#", "audience", "audience"),
    ("customer#", "", "other"),
    ("connection#", "", "other"),
    ("", "person#", "person"),
];
/// Items of these kinds are large, up to 170 KB each.
const LARGE: [&str; 3] = ["changes", "roll", "gone"];
/// The most items of one transaction, by DynamoDB, less the one that counts; and of large ones so many that they stay below 4 MB together.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
const DELETED_MAX: usize = 99;
const LARGE_MAX: usize = 20;

/// Which table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Table {
    /// Connections.
    Connections,
    /// People.
    People,
}

/// Items that stand together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    table: Table,
    key: String,
    /// How the sort keys begin that are meant.
    sort: &'static str,
}

/// Where a reading goes on.
#[derive(Debug, Clone)]
pub struct Mark(pub(super) Item);

/// One item of somebody's.
#[derive(Debug, Clone)]
pub struct Belonging {
    table: Table,
    item: Item,
}

impl Partition {
    /// All partitions of a connection, in the order in which they are erased: people first, and last the connection, by which the others
    /// are found.
    #[must_use]
    pub fn all_of(id: &ConnectionId) -> Vec<Self> {
        let people = |key: String| Self { table: Table::People, key, sort: "" };
        vec![
            people(id.to_string()),
            people(format!("photo#{id}")),
            people(format!("changes#{id}")),
            people(format!("roll#{id}")),
            people(format!("gone#{id}")),
            Self { table: Table::Connections, key: connection_key(id), sort: "" },
        ]
    }

    /// What a customer has beside its connections.
    #[must_use]
    pub fn of_customer(id: &CustomerId) -> Self {
        Self { table: Table::Connections, key: format!("customer#{id}"), sort: "" }
    }

    /// The sealed tokens of a connection, out of its partition.
    #[must_use]
    pub fn tokens_of(id: &ConnectionId) -> Self {
        Self { table: Table::Connections, key: connection_key(id), sort: "grant#" }
    }

    /// That of a consent attempt.
    #[must_use]
    pub fn of_attempt(id: &AttemptId) -> Self {
        Self { table: Table::Connections, key: format!("attempt#{id}"), sort: "" }
    }
}

impl Belonging {
    /// What it is, in one word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        let (pk, sk) = (self.part("pk"), self.part("sk"));
        let fits = |(partition, sort, _): &&(&str, &str, &str)| pk.starts_with(partition) && sk.starts_with(sort);
        KINDS.iter().find(fits).map_or("other", |(_, _, kind)| kind)
    }

    /// Which table it is in.
    #[must_use]
    pub fn table(&self) -> Table {
        self.table
    }

    fn part(&self, name: &str) -> &str {
        self.item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str).unwrap_or_default()
    }
}

impl Store {
    /// Reads a partition from its beginning, or from where a reading ended: a page of at most 1 MB, and where it goes on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn belongings(&self, of: &Partition, from: Option<Mark>) -> Result<(Vec<Belonging>, Option<Mark>), StoreError> {
        let request = self.client.query().table_name(self.named(of.table)).consistent_read(true);
        let request = request
            .key_condition_expression(if of.sort.is_empty() { "pk = :pk" } else { "pk = :pk AND begins_with(sk, :sort)" })
            .expression_attribute_values(":pk", text(&of.key))
            .set_exclusive_start_key(from.map(|mark| mark.0));
        let request = match of.sort {
            "" => request,
            sort => request.expression_attribute_values(":sort", text(sort)),
        };
        let answer = request.send().await.map_err(|error| failed(format!("read what belongs to {}", of.key), error))?;
        let found = answer.items.unwrap_or_default().into_iter().map(|item| Belonging { table: of.table, item });
        Ok((found.collect(), answer.last_evaluated_key.map(Mark)))
    }

    /// Every consent attempt of these connections that is stored. The latest of each is pointed to; those before are found by a scan of the
    /// connections table alone, until they expire.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attempts_of(&self, ids: &BTreeSet<ConnectionId>) -> Result<Vec<AttemptId>, StoreError> {
        let request = self.client.scan().table_name(&self.connections).consistent_read(true);
        let request = request.filter_expression("begins_with(pk, :attempt)").expression_attribute_values(":attempt", text("attempt#"));
        let mut items = request.into_paginator().items().send();
        let mut attempts = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| failed("look through the attempts".to_owned(), error))?;
            let reader = Reader::open(&item)?;
            let terms: super::attempts::Terms = reader.json("body")?;
            if ids.contains(&terms.connection) {
                attempts.push(reader.parsed("pk", "attempt#")?);
            }
        }
        Ok(attempts)
    }

    /// Erases what was read, and counts it for the customer in the same write; all of the same kind as the first, up to a number. Returns
    /// how many they are.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] where some of it is gone already: read again.
    pub async fn erase(&self, customer: &CustomerId, found: &[Belonging]) -> Result<usize, StoreError> {
        let Some(kind) = found.first().map(Belonging::kind) else {
            return Ok(0);
        };
        let most = if LARGE.contains(&kind) { LARGE_MAX } else { DELETED_MAX };
        let same: Vec<&Belonging> = found.iter().take(most).take_while(|belonging| belonging.kind() == kind).collect();
        let what = || format!("erase what belongs to {customer}");
        let unbuilt = |error: aws_sdk_dynamodb::error::BuildError| StoreError::Unavailable { what: what(), source: error.into() };
        let counted = self.counted_erased(customer, kind, same.len()).map_err(unbuilt)?;
        let mut request = self.client.transact_write_items().transact_items(TransactWriteItem::builder().update(counted).build());
        for belonging in &same {
            let delete = Delete::builder().table_name(self.named(belonging.table)).key("pk", text(belonging.part("pk")));
            let delete = delete.key("sk", text(belonging.part("sk"))).condition_expression("attribute_exists(pk)");
            request = request.transact_items(TransactWriteItem::builder().delete(delete.build().map_err(unbuilt)?).build());
        }
        request.send().await.map_err(|error| failed(what(), error))?;
        Ok(same.len())
    }

    fn named(&self, table: Table) -> &str {
        match table {
            Table::Connections => &self.connections,
            Table::People => &self.people,
        }
    }
}
