//! What the whole fleet sees: how many checks there were and how many failed alike, minute by minute, and the incidents that follow, of
//! each trouble the last one.

use domain::fleet::{Ended, Incident, Tally, Trouble, WINDOW};
use jiff::{SignedDuration, Timestamp};

use super::item::{Item, Reader, VERSION, expiry, json, number, text, time};
use super::{Store, StoreError, failed};

pub(super) const INCIDENTS: &str = "fleet";
/// Where news of an incident waits to be told.
pub(super) const WORK: &str = "notice#00";
/// More than there are causes.
const INCIDENTS_MAX: i32 = 200;
/// The counter of all checks. No cause is called so: causes have no blanks.
const CHECKS: &str = "all checks";
/// How long counters are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(1);

impl Store {
    /// Counts checks that are about to be made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_checks(&self, count: usize, now: Timestamp) -> Result<(), StoreError> {
        self.count(CHECKS, count, now).await
    }

    /// Counts a grant that failed, and tells how many failed alike lately, out of how many checks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_failure(&self, trouble: &Trouble, now: Timestamp) -> Result<Tally, StoreError> {
        let name = counter(trouble);
        self.count(name, 1, now).await?;
        Ok(Tally { alike: self.counted(name, now).await?, checks: self.counted(CHECKS, now).await? })
    }

    /// The last incident of a trouble, open or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn incident(&self, trouble: &Trouble) -> Result<Option<Incident>, StoreError> {
        let request = self.client.get_item().table_name(&self.connections).key("pk", text(INCIDENTS)).key("sk", text(sort_key(trouble)));
        let answer = request.consistent_read(true).send().await.map_err(|error| failed("read an incident".to_owned(), error))?;
        answer.item.as_ref().map(|item: &Item| Reader::open(item)?.json("body")).transpose()
    }

    /// Every trouble's last incident, open or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn incidents(&self) -> Result<Vec<Incident>, StoreError> {
        let request = self.client.query().table_name(&self.connections).consistent_read(true).limit(INCIDENTS_MAX);
        let request = request
            .key_condition_expression("pk = :pk AND begins_with(sk, :incident)")
            .expression_attribute_values(":pk", text(INCIDENTS))
            .expression_attribute_values(":incident", text("incident#"));
        let answer = request.send().await.map_err(|error| failed("read the incidents".to_owned(), error))?;
        answer.items.unwrap_or_default().iter().map(|item| Reader::open(item)?.json("body")).collect()
    }

    /// Writes an incident: one that begins, is seen again or ends. It is owed to the operator when it begins and when it ends. Of several
    /// writers that read the same incident before, one succeeds.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] where it is not `before` any more.
    pub async fn write_incident(&self, before: Option<&Incident>, after: &Incident) -> Result<(), StoreError> {
        let is_news = before.is_none_or(|before| before.opened_at != after.opened_at || before.ended != after.ended);
        let mut update = "SET v = :v, body = :body".to_owned();
        let mut request = self.client.update_item().table_name(&self.connections).key("pk", text(INCIDENTS));
        request = request.key("sk", text(sort_key(&after.trouble)));
        if is_news {
            // Whoever is delivering the news before lets go: what it would still write fails its condition.
            update.push_str(", #work = :work, work_at = :at, lease_until = :free ADD fence :one");
            let at = after.ended.map_or(after.opened_at, |Ended { at, .. }| at);
            request = request
                .expression_attribute_names("#work", "work")
                .expression_attribute_values(":work", text(WORK))
                .expression_attribute_values(":free", number(0))
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":at", time(at));
        }
        request = match before {
            Some(before) => request.condition_expression("body = :before").expression_attribute_values(":before", json(before)?),
            None => request.condition_expression("attribute_not_exists(pk)"),
        };
        let request = request
            .update_expression(update)
            .expression_attribute_values(":v", number(VERSION))
            .expression_attribute_values(":body", json(after)?);
        request.send().await.map_err(|error| failed("write the incident".to_owned(), error))?;
        Ok(())
    }

    async fn count(&self, name: &str, count: usize, now: Timestamp) -> Result<(), StoreError> {
        let request = self.client.update_item().table_name(&self.connections).key("pk", text(format!("fleet#{name}")));
        let request = request
            .key("sk", text(minute(now)))
            .update_expression("SET v = :v, expires_at = :expires ADD #count :count")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":v", number(VERSION))
            .expression_attribute_values(":expires", expiry(now + KEPT))
            .expression_attribute_values(":count", number(count));
        request.send().await.map_err(|error| failed(format!("count {name}"), error))?;
        Ok(())
    }

    async fn counted(&self, name: &str, now: Timestamp) -> Result<u32, StoreError> {
        let request = self.client.query().table_name(&self.connections).consistent_read(true);
        let request = request
            .key_condition_expression("pk = :pk AND sk >= :from")
            .expression_attribute_values(":pk", text(format!("fleet#{name}")))
            .expression_attribute_values(":from", text(minute(now - WINDOW)));
        let answer = request.send().await.map_err(|error| failed(format!("read how often {name}"), error))?;
        let counts = answer.items.unwrap_or_default();
        let counts: Result<Vec<u32>, StoreError> = counts.iter().map(|item| Reader::open(item)?.number("count")).collect();
        Ok(counts?.into_iter().fold(0, u32::saturating_add))
    }
}

fn sort_key(trouble: &Trouble) -> String {
    format!("incident#{}", counter(trouble))
}

fn counter(trouble: &Trouble) -> &str {
    match trouble {
        Trouble::Credential => "credential",
        Trouble::Alike(cause) => cause,
    }
}

fn minute(at: Timestamp) -> String {
    format!("minute#{:010}", at.as_second().div_euclid(60))
}
