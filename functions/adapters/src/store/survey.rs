//! Every connection there is, one page after another, for the operator's command line alone: no index lists them all, because no function
//! ever asks for all. It is a scan, whose cost is that of the whole table: a read unit for every 8 KB.

use domain::ids::{ConnectionId, CustomerId};
use domain::walk::Walk;
use jiff::Timestamp;

use super::connections::{self, Connection};
use super::item::{Item, Reader, text};
use super::{Store, StoreError, failed, walks};

/// A connection, and where its walk stands.
#[derive(Debug, Clone)]
pub struct Surveyed {
    /// The connection.
    pub connection: Connection,
    /// Where its walk stands, and when its next step is due; `None` before the first consent.
    pub walk: Option<(Walk, Option<Timestamp>)>,
}

/// A survey that is under way.
pub struct Survey<'a> {
    store: &'a Store,
    from: Option<Item>,
    is_over: bool,
    /// The last connection, whose walk may be on the next page: items of one connection stand together.
    last: Option<Result<Surveyed, StoreError>>,
}

impl Store {
    /// Begins to look through all connections.
    #[must_use]
    pub fn survey(&self) -> Survey<'_> {
        Survey { store: self, from: None, is_over: false, last: None }
    }

    /// Every id of a customer's connections, however many they are. The index may lag behind by moments.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn every_id_of(&self, customer: &CustomerId) -> Result<Vec<ConnectionId>, StoreError> {
        let request = self.client.query().table_name(&self.connections).index_name("by-customer");
        let request =
            request.key_condition_expression("customer = :customer").expression_attribute_values(":customer", text(customer.as_str()));
        let mut items = request.into_paginator().items().send();
        let mut ids = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| failed(format!("list connections of {customer}"), error))?;
            ids.push(Reader::of(&item).parsed("pk", "connection#")?);
        }
        Ok(ids)
    }
}

impl Survey<'_> {
    /// The next connections, as many as one page holds, or none although more follow; `None` at the end. One that cannot be read is told in
    /// its place.
    ///
    /// # Errors
    /// [`StoreError`] where DynamoDB fails; asked again, it goes on.
    pub async fn turn_page(&mut self) -> Result<Option<Vec<Result<Surveyed, StoreError>>>, StoreError> {
        if self.is_over {
            return Ok(self.last.take().map(|last| vec![last]));
        }
        let request = self.store.client.scan().table_name(&self.store.connections).set_exclusive_start_key(self.from.clone());
        let request = request
            .filter_expression("sk = :connection OR sk = :walk")
            .expression_attribute_values(":connection", text(connections::SK))
            .expression_attribute_values(":walk", text(walks::SK));
        let page = request.send().await.map_err(|error| failed("look through the connections".to_owned(), error))?;
        let mut found = Vec::new();
        for item in page.items.unwrap_or_default() {
            match item.get("sk").and_then(|sk| sk.as_s().ok()).map(String::as_str) {
                Some(walks::SK) => self.add_walk(&item),
                _ => {
                    let read = Connection::read(&item).map(|connection| Surveyed { connection, walk: None });
                    found.extend(self.last.replace(read));
                }
            }
        }
        self.from = page.last_evaluated_key;
        self.is_over = self.from.is_none();
        Ok(Some(found))
    }

    /// A walk without its connection is what a choice before the first consent left, or of one that cannot be read.
    fn add_walk(&mut self, item: &Item) {
        let owner = Reader::of(item).parsed::<ConnectionId>("pk", "connection#").ok();
        let Some(Ok(surveyed)) = &mut self.last else { return };
        if owner.as_ref() != Some(&surveyed.connection.id) || !item.contains_key("body") {
            return;
        }
        match walks::read(item) {
            Ok(walk) => surveyed.walk = Some(walk),
            Err(error) => self.last = Some(Err(error)),
        }
    }
}
