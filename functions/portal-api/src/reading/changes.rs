//! Who changed since a cursor, as they are now.
//!
//! A reader first asks without a cursor, which answers none of the changes but where they begin, then reads the list, then asks again and
//! again from where the answer before ended. What changes while the list is read is told then, at worst twice.

use std::collections::HashMap;

use adapters::store::changes::{Change, Stretch};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use domain::api::{ChangeWord, PeopleChanges, PersonChange, PersonView, Problem};
use domain::ids::ObjectId;
use domain::roll::Kind;
use jiff::Timestamp;
use serde::Deserialize;

use super::conditional::Held;
use super::cursor::Cursor;
use super::{LIMIT_MAX, Reading, limit};
use crate::Shared;
use crate::callers::Caller;
use crate::problem::ApiError;
use crate::request::Named;

/// Which changes.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Since {
    /// `next_cursor` of the answer before. Without it no changes are answered, only from where on they will be.
    #[serde(default)]
    cursor: Option<String>,
    /// How many at most; 1 to 100, 100 by default.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// Tells who changed since a cursor, as they are now. A cursor that reaches back too far is refused with 410: ask for a new
/// one, then read the list anew. Before people are loaded for the first time there is no cursor, and the answer is 409.
#[utoipa::path(get, path = "/v1/connections/{connection}/people/changes", tag = "people", security(("caller" = []), ("server" = [])),
    params(
        ("connection" = String, Path, description = "The connection"),
        Since,
        ("If-None-Match" = Option<String>, Header, description = "The ETag of an answer that the caller holds"),
    ), responses(
    (status = 200, body = PeopleChanges),
    (status = 304, description = "The caller holds it already"),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list(
    State(portal): State<Shared>,
    caller: Caller,
    Named(connection): Named,
    held: Held,
    since: Result<Query<Since>, QueryRejection>,
) -> Result<Response, ApiError> {
    caller.require("people:read")?;
    let Query(since) = since.map_err(|rejection| ApiError::Invalid { field: "query", bound: rejection.body_text() })?;
    let limit = limit(since.limit.as_deref(), LIMIT_MAX)?;
    let reading = Reading::open(&portal, &caller, &connection).await?;
    let (now, last) = (portal.ports.clock.now(), reading.walk.as_ref().map_or(0, |walk| walk.changes));
    let (stretch, cursor) = match since.cursor {
        None => begin(&reading, last, now)?,
        Some(text) => {
            let cursor = Cursor::read(&text, &reading.id)?;
            cursor.require_kept(reading.walk.as_ref(), now)?;
            let stretch = reading.store.changes_since(&reading.id, cursor.place, last, usize::from(limit)).await?;
            (stretch.clone(), cursor.behind(&stretch, last, now))
        }
    };
    held.answer(&PeopleChanges {
        changes: told(&reading, &stretch.changes).await?,
        next_cursor: cursor.write(&reading.id),
        has_more: stretch.next.sequence <= last,
        data: reading.data(),
    })
}

/// Where changes begin for whoever has no cursor yet: now. Of a first load nobody is noted, so that they begin only after it.
fn begin(reading: &Reading<'_>, last: u64, now: Timestamp) -> Result<(Stretch, Cursor), ApiError> {
    if reading.data().as_of.is_none() {
        return Err(ApiError::Conflict("people are not loaded yet: ask again once the list has an as_of"));
    }
    let cursor = Cursor::at_end(last, now);
    Ok((Stretch { changes: Vec::new(), next: cursor.place, noted_at: None }, cursor))
}

/// What became of those who changed, each once.
async fn told(reading: &Reading<'_>, changes: &[Change]) -> Result<Vec<PersonChange>, ApiError> {
    let news = summed(changes);
    let people = reading.people(news.iter().map(|news| news.id).collect()).await?;
    let views = reading.views(&people).await?;
    let mut views: HashMap<ObjectId, PersonView> = views.into_iter().map(|person| (person.id, person)).collect();
    Ok(news.into_iter().filter_map(|news| news.told(views.remove(&news.id))).collect())
}

/// What changes say of one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct News {
    id: ObjectId,
    /// Whether the person was shown before them; unknown where they say nothing of it.
    was_shown: Option<bool>,
    /// Whether the person was not shown any more after one of them.
    has_left: bool,
}

/// Sums changes up by person, in the order in which people are first met.
fn summed(changes: &[Change]) -> Vec<News> {
    let mut all: Vec<News> = Vec::new();
    let mut places: HashMap<ObjectId, usize> = HashMap::new();
    for change in changes {
        let place = *places.entry(change.id).or_insert(all.len());
        if place == all.len() {
            all.push(News { id: change.id, was_shown: None, has_left: false });
        }
        let news = &mut all[place];
        match change.kind {
            Kind::Changed => {}
            Kind::Added | Kind::Forgotten => drop(news.was_shown.get_or_insert(false)),
            Kind::Hidden | Kind::Removed => {
                news.was_shown.get_or_insert(true);
                news.has_left = true;
            }
        }
    }
    all
}

impl News {
    /// What is told of a person who is shown now, or is not. Whoever was never shown is nobody's news; and whoever has left since these
    /// changes is told of with those that say so.
    fn told(self, person: Option<PersonView>) -> Option<PersonChange> {
        let change = match (&person, self.was_shown) {
            (Some(_), Some(false)) => ChangeWord::Added,
            (Some(_), _) => ChangeWord::Changed,
            (None, _) if self.has_left => ChangeWord::Removed,
            (None, _) => return None,
        };
        Some(PersonChange { id: self.id, change, person })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use jiff::Timestamp;

    fn id(number: u128) -> ObjectId {
        uuid(number).parse().unwrap()
    }

    fn uuid(number: u128) -> String {
        format!("00000000-0000-0000-0000-{number:012x}")
    }

    fn view(id: ObjectId) -> PersonView {
        PersonView { id, attributes: BTreeMap::new(), provenance: BTreeMap::new(), manager: None, changed_at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_persons_changes_sum_up_to_what_a_reader_must_do() {
        use ChangeWord::{Added, Changed, Removed};
        for (kinds, shown, hidden) in [
            (&[Kind::Added][..], Some(Added), None),
            (&[Kind::Changed], Some(Changed), None),
            (&[Kind::Added, Kind::Changed], Some(Added), None),
            (&[Kind::Changed, Kind::Added], Some(Added), None),
            (&[Kind::Removed], Some(Changed), Some(Removed)),
            (&[Kind::Hidden], Some(Changed), Some(Removed)),
            (&[Kind::Hidden, Kind::Forgotten], Some(Changed), Some(Removed)),
            (&[Kind::Removed, Kind::Added, Kind::Changed], Some(Changed), Some(Removed)),
            (&[Kind::Added, Kind::Removed], Some(Added), Some(Removed)),
            (&[Kind::Forgotten], Some(Added), None),
            (&[Kind::Forgotten, Kind::Added, Kind::Hidden], Some(Added), Some(Removed)),
        ] {
            let changes: Vec<Change> = kinds.iter().map(|kind| Change { id: id(7), kind: *kind }).collect();
            let news = summed(&changes);
            assert_eq!(news.len(), 1, "{kinds:?}");
            let word = |person| news[0].told(person).map(|told| told.change);
            assert_eq!((word(Some(view(id(7)))), word(None)), (shown, hidden), "{kinds:?}");
        }
    }

    #[test]
    fn people_are_told_in_the_order_in_which_they_are_first_met() {
        let change = |number| Change { id: id(number), kind: Kind::Changed };
        let met: Vec<ObjectId> = summed(&[3, 1, 3, 2, 1].map(change)).into_iter().map(|news| news.id).collect();
        assert_eq!(met, [3, 1, 2].map(id));
    }
}
