//! One look: what photos some people have, and the bytes of those that changed.
//!
//! New bytes are stored before the entry that names them, and old ones are removed after it, so that whoever reads finds one of the two.
//! Before anything is written the tour notes whose photos it is about: what a worker who dies leaves half done is found by that.

use std::collections::BTreeMap;

use adapters::graph::GraphError;
use adapters::graph::photos::{Picture, Size};
use adapters::objects::{Object, ObjectKey, ObjectsError, Place, digest_of};
use domain::ids::ObjectId;
use domain::photo::{self, Answer, Found, Heard, Kept, Metadata, Move, Photo, Stretch, Unfit, Way, Work};
use futures::{StreamExt as _, TryStreamExt as _};
use secrecy::SecretString;

use crate::step::{Slice, StepError};

/// Objects put or removed at a time.
const IN_FLIGHT: usize = 4;

/// Somebody who is asked about.
struct Asked {
    /// What is kept of the photo.
    kept: Option<Kept>,
    /// Whether what is kept counts: of newcomers it does not.
    is_known: bool,
}

/// What becomes of one person's photo.
struct Change {
    person: ObjectId,
    /// What is kept from now on; nothing where there is no photo any more.
    kept: Option<Kept>,
    /// What is to be put into the store first.
    object: Option<Object>,
    /// What was kept before.
    before: Option<Kept>,
}

/// Bytes that were fetched, and the ETag that was told before.
struct Fetched {
    person: ObjectId,
    etag: Option<String>,
    picture: Picture,
}

/// Takes one look. Whoever is not there any more, or hidden, is swept on the way.
pub(crate) async fn look(slice: &mut Slice<'_>, work: &Work, token: &SecretString) -> Result<Heard, StepError> {
    let Stretch { asked, swept, reaches } = whom(slice, work).await?;
    let is_known = !matches!(work, Work::Newcomers(_));
    let mut asked: BTreeMap<ObjectId, Asked> = asked.into_iter().map(|(person, kept)| (person, Asked { kept, is_known })).collect();
    let mut heard = Heard { reaches, ..Heard::default() };
    let (fetched, forgotten) = ask(slice, token, &asked, &mut heard).await;
    let mut changes = Vec::new();
    for fetched in fetched {
        let before = asked.remove(&fetched.person);
        changes.extend(before.and_then(|before| develop(slice, fetched, before)));
    }
    let gone = |kept: Kept| Change { person: kept.person, kept: None, object: None, before: Some(kept) };
    changes.extend(forgotten.iter().filter_map(|person| asked.remove(person)?.kept).chain(swept).map(gone));
    carry_out(slice, changes).await?;
    Ok(heard)
}

/// Whom the work is about.
async fn whom(slice: &Slice<'_>, work: &Work) -> Result<Stretch, StepError> {
    let (store, id) = (&slice.studio.ports.store, slice.id);
    match work {
        Work::Range { first, last } => {
            let range = (*first, *last);
            let (people, kept) = futures::try_join!(store.sighted(id, range), store.kept(id, range))?;
            Ok(photo::stretch(people, kept))
        }
        Work::Again(people) | Work::Newcomers(people) | Work::Settle(people) => {
            Ok(Stretch { asked: store.asked(id, people).await?, swept: Vec::new(), reaches: None })
        }
        Work::Rest { .. } => Ok(Stretch { asked: Vec::new(), swept: Vec::new(), reaches: None }),
    }
}

/// Asks Graph, and tells what was fetched and whose photo is to be forgotten. Whom nothing was found out about is left.
async fn ask(
    slice: &Slice<'_>,
    token: &SecretString,
    asked: &BTreeMap<ObjectId, Asked>,
    heard: &mut Heard,
) -> (Vec<Fetched>, Vec<ObjectId>) {
    let ports = &slice.studio.ports;
    let people: Vec<ObjectId> = asked.keys().copied().collect();
    let batch = ports.graph.photo_metadata(token, &people, ports.clock.now()).await;
    complain(slice, batch.trouble);
    heard.load_percent = batch.load_percent;
    let (mut etags, mut ways, mut forgotten) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (person, answer) in &batch.answers {
        heard.tally.count(answer);
        match decide(asked.get(person), answer) {
            Move::Keep => {}
            Move::Forget => forgotten.push(*person),
            Move::Again => heard.left.push(*person),
            Move::Fetch { etag, way } => {
                etags.insert(*person, etag);
                ways.push((*person, way));
            }
        }
    }
    let pictures = fetch(slice, token, ways, heard).await;
    let fetched = pictures.into_iter().map(|(person, picture)| Fetched { person, etag: etags.remove(&person).flatten(), picture });
    (fetched.collect(), forgotten)
}

fn decide(asked: Option<&Asked>, answer: &Answer<Metadata>) -> Move {
    match asked {
        None => Move::Keep,
        Some(Asked { kept, is_known: true }) => photo::decide(kept.as_ref(), answer),
        Some(Asked { kept, is_known: false }) => {
            let unknown = kept.clone().map(|kept| Kept { etag: None, ..kept });
            photo::decide(unknown.as_ref(), answer)
        }
    }
}

/// Fetches bytes: together where they are sure to be small, and one by one otherwise, for as long as the slice lasts.
async fn fetch(slice: &Slice<'_>, token: &SecretString, ways: Vec<(ObjectId, Way)>, heard: &mut Heard) -> Vec<(ObjectId, Picture)> {
    let ports = &slice.studio.ports;
    let size = |way: &Way| match way {
        Way::Whole => Some(Size::Largest),
        Way::Square => Some(Size::Square),
        Way::Alone => None,
    };
    let wanted: Vec<(ObjectId, Size)> = ways.iter().filter_map(|(person, way)| Some((*person, size(way)?))).collect();
    let batch = ports.graph.photos(token, &wanted, ports.clock.now()).await;
    complain(slice, batch.trouble);
    heard.load_percent = heard.load_percent.max(batch.load_percent);
    let mut answers = batch.answers;
    let mut pictures = Vec::new();
    for (person, way) in ways {
        let answer = match (way, answers.remove(&person)) {
            // Not every photo has this size; what there is may be larger, and is fetched by itself.
            (Way::Alone, _) | (Way::Square, Some(Answer::NoPhoto)) if ports.clock.now() <= slice.until => {
                ports.graph.photo(token, person, ports.clock.now()).await
            }
            (Way::Alone, _) | (Way::Square, Some(Answer::NoPhoto)) => Answer::Unreadable,
            (_, answer) => answer.unwrap_or(Answer::Unreadable),
        };
        match answer {
            Answer::Given(picture) => pictures.push((person, picture)),
            // A moment ago there was one: nothing can be concluded.
            Answer::NoPhoto | Answer::NobodyThere => heard.left.push(person),
            Answer::Denied | Answer::Refused => {}
            failure => {
                heard.tally.count(&failure);
                heard.left.push(person);
            }
        }
    }
    pictures
}

fn complain(slice: &Slice<'_>, trouble: Option<GraphError>) {
    if let Some(error) = trouble {
        tracing::warn!(connection = %slice.id, error = &error as &dyn std::error::Error, "no answer about photos");
    }
}

/// What the fetched bytes come to; nothing where they are those that are kept.
fn develop(slice: &Slice<'_>, fetched: Fetched, asked: Asked) -> Option<Change> {
    let Fetched { person, etag, picture } = fetched;
    let judged = match picture {
        Picture::Bytes(bytes) => photo::judge(&bytes).map(|kind| (kind, bytes)),
        Picture::TooLarge => Err(Unfit::TooLarge),
    };
    let (found, object) = match judged {
        Err(unfit) => {
            tracing::info!(connection = %slice.id, %person, ?unfit, "a photo is not kept");
            (Found::Unfit(unfit), None)
        }
        Ok((kind, bytes)) => {
            let digest = digest_of(&bytes);
            let is_kept = |kept: &Kept| kept.etag == etag && kept.photo().is_some_and(|photo| photo.digest == digest);
            if asked.is_known && asked.kept.as_ref().is_some_and(is_kept) {
                return None;
            }
            let key = Place::of(slice.id, person).key(etag.as_deref().unwrap_or(&digest));
            let size_bytes = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let fetched_at = slice.studio.ports.clock.now();
            let photo = Photo { object: key.as_str().to_owned(), kind, size_bytes, digest, fetched_at };
            (Found::Photo(photo), Some(Object { key, kind, bytes }))
        }
    };
    Some(Change { person, kept: Some(Kept { person, etag, found }), object, before: asked.kept })
}

/// Stores what changed: bytes, then entries; then what is not needed any more is removed.
async fn carry_out(slice: &mut Slice<'_>, changes: Vec<Change>) -> Result<(), StepError> {
    if changes.is_empty() {
        return Ok(());
    }
    let studio = slice.studio;
    slice.tour.unsettled = changes.iter().map(|change| change.person).collect();
    studio.ports.store.note_tour(slice.id, &slice.tour, &slice.lease).await?;
    let (mut kept, mut forgotten, mut objects, mut outdated) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for Change { person, kept: after, object, before } in changes {
        let names = |kept: Option<&Kept>| kept.and_then(Kept::photo).map(|photo| ObjectKey::stored(&photo.object));
        outdated.extend(names(before.as_ref()).filter(|old| names(after.as_ref()).as_ref() != Some(old)));
        objects.extend(object);
        match after {
            Some(after) => kept.push(after),
            None => forgotten.push(person),
        }
    }
    let puts: Vec<_> = objects.into_iter().map(|object| studio.objects.put(object)).collect();
    futures::stream::iter(puts).buffer_unordered(IN_FLIGHT).try_collect::<Vec<()>>().await?;
    studio.ports.store.write_photos(slice.id, &kept, &forgotten).await?;
    remove(slice, &outdated).await?;
    slice.tour.settled();
    Ok(())
}

async fn remove(slice: &Slice<'_>, keys: &[ObjectKey]) -> Result<(), ObjectsError> {
    let removals: Vec<_> = keys.iter().map(|key| slice.studio.objects.remove(key)).collect();
    futures::stream::iter(removals).buffer_unordered(IN_FLIGHT).try_collect::<Vec<()>>().await.map(drop)
}

/// Removes whatever these people's places hold besides the photos that are named in their entries.
pub(crate) async fn tidy(slice: &mut Slice<'_>, people: &[ObjectId]) -> Result<(), StepError> {
    let studio = slice.studio;
    for person in people {
        let kept = studio.ports.store.kept_of(slice.id, *person).await?;
        let named = kept.as_ref().and_then(Kept::photo).map(|photo| ObjectKey::stored(&photo.object));
        let keys = studio.objects.list(&Place::of(slice.id, *person)).await?;
        let remainders: Vec<ObjectKey> = keys.into_iter().filter(|key| Some(key) != named.as_ref()).collect();
        remove(slice, &remainders).await?;
    }
    slice.tour.settled();
    Ok(())
}
