//! What is kept of people's photos: in the people table beside the people, `photo#CONNECTION` / object id, so that a photo writes no person
//! and is no change of one. The bytes are in the object store.
//!
//! Both are listed in the order of ids, a range at a time, to be laid side by side.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use domain::ids::{ConnectionId, ObjectId};
use domain::photo::{Kept, LOOK_MAX, Listed, Sighted};
use futures::{StreamExt as _, TryStreamExt as _};

use super::item::{Item, Reader, VERSION, json, number, text};
use super::{Store, StoreError, failed};

/// Entries that are read of what is kept at a time: more than people, so that what is kept of people who left does not hold up the rest.
const KEPT_MAX: usize = 2 * LOOK_MAX;
/// Requests in flight at a time.
const IN_FLIGHT: usize = 8;

impl Store {
    /// The first people of a range of ids, both ends included; at most as many as one look asks about.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sighted(&self, id: &ConnectionId, (first, last): (ObjectId, ObjectId)) -> Result<Listed<Sighted>, StoreError> {
        let request = self.range(id.as_str(), (format!("person#{first}"), format!("person#{last}")), LOOK_MAX);
        let answer = request.projection_expression(SIGHTED).send().await;
        let answer = answer.map_err(|error| failed(format!("list people of {id} for their photos"), error))?;
        let entries = answer.items.unwrap_or_default().iter().filter_map(sighted).collect();
        Ok(Listed { entries, is_whole: answer.last_evaluated_key.is_none() })
    }

    /// The first of what is kept within a range of ids, both ends included.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn kept(&self, id: &ConnectionId, (first, last): (ObjectId, ObjectId)) -> Result<Listed<Kept>, StoreError> {
        let request = self.range(&partition(id), (first.to_string(), last.to_string()), KEPT_MAX);
        let answer = request.send().await.map_err(|error| failed(format!("list photos of {id}"), error))?;
        let entries = answer.items.unwrap_or_default().iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed { entries, is_whole: answer.last_evaluated_key.is_none() })
    }

    fn range(&self, partition: &str, (first, last): (String, String), limit: usize) -> QueryFluentBuilder {
        let request = self.client.query().table_name(&self.people).consistent_read(true).limit(i32::try_from(limit).unwrap_or(i32::MAX));
        request
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(partition))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last))
    }

    /// Whether a person is stored and shown.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_visible(&self, id: &ConnectionId, person: ObjectId) -> Result<bool, StoreError> {
        let request = self.client.get_item().table_name(&self.people).consistent_read(true);
        let request = request.key("pk", text(id.as_str())).key("sk", text(format!("person#{person}")));
        let answer = request.projection_expression(SIGHTED).send().await;
        let answer = answer.map_err(|error| failed(format!("look whether person {person} of {id} is shown"), error))?;
        Ok(answer.item.as_ref().and_then(sighted).is_some_and(|person| person.is_visible))
    }

    /// What is kept of one person's photo.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn kept_of(&self, id: &ConnectionId, person: ObjectId) -> Result<Option<Kept>, StoreError> {
        let request = self.client.get_item().table_name(&self.people).consistent_read(true).set_key(Some(key(id, person)));
        let answer = request.send().await.map_err(|error| failed(format!("read the photo of {person} of {id}"), error))?;
        answer.item.as_ref().map(read).transpose()
    }

    /// Those of these people who are shown, with what is kept of each.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn asked(&self, id: &ConnectionId, people: &[ObjectId]) -> Result<Vec<(ObjectId, Option<Kept>)>, StoreError> {
        let looks: Vec<_> = people.iter().map(|person| self.asked_one(id, *person)).collect();
        let asked: Vec<Option<(ObjectId, Option<Kept>)>> = futures::stream::iter(looks).buffered(IN_FLIGHT).try_collect().await?;
        Ok(asked.into_iter().flatten().collect())
    }

    async fn asked_one(&self, id: &ConnectionId, person: ObjectId) -> Result<Option<(ObjectId, Option<Kept>)>, StoreError> {
        match self.is_visible(id, person).await? {
            true => Ok(Some((person, self.kept_of(id, person).await?))),
            false => Ok(None),
        }
    }

    /// Keeps and forgets. Doing it twice is doing it once.
    ///
    /// # Errors
    /// [`StoreError`]; part of it may be done then.
    pub async fn write_photos(&self, id: &ConnectionId, kept: &[Kept], forgotten: &[ObjectId]) -> Result<(), StoreError> {
        let puts: Vec<_> = kept.iter().map(|kept| self.keep(id, kept)).collect();
        futures::stream::iter(puts).buffer_unordered(IN_FLIGHT).try_collect::<Vec<()>>().await?;
        let deletes: Vec<_> = forgotten.iter().map(|person| self.forget(id, *person)).collect();
        futures::stream::iter(deletes).buffer_unordered(IN_FLIGHT).try_collect::<Vec<()>>().await.map(drop)
    }

    async fn keep(&self, id: &ConnectionId, kept: &Kept) -> Result<(), StoreError> {
        let request = self.client.put_item().table_name(&self.people).set_item(Some(key(id, kept.person)));
        let request = request.item("v", number(VERSION)).item("body", json(kept)?);
        request.send().await.map_err(|error| failed(format!("keep the photo of {} of {id}", kept.person), error))?;
        Ok(())
    }

    async fn forget(&self, id: &ConnectionId, person: ObjectId) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(&self.people).set_key(Some(key(id, person)));
        request.send().await.map_err(|error| failed(format!("forget the photo of {person} of {id}"), error))?;
        Ok(())
    }
}

/// What tells that a person is there, and shown: a hidden one has no place in the list by name.
const SIGHTED: &str = "sk, name_key";

fn partition(id: &ConnectionId) -> String {
    format!("photo#{id}")
}

fn key(id: &ConnectionId, person: ObjectId) -> Item {
    Item::from([("pk".to_owned(), text(partition(id))), ("sk".to_owned(), text(person.to_string()))])
}

fn read(item: &Item) -> Result<Kept, StoreError> {
    Reader::open(item)?.json("body")
}

fn sighted(item: &Item) -> Option<Sighted> {
    let id = item.get("sk")?.as_s().ok()?.strip_prefix("person#")?.parse().ok()?;
    Some(Sighted { id, is_visible: item.contains_key("name_key") })
}
