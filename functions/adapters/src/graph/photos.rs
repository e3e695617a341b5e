//! Photos, of up to twenty people in one batch: first what they are, then the bytes of those that changed.
//!
//! Every item is answered on its own, and so is everybody here: what fails for the batch as a whole fails for each. Requests go to Graph's
//! own origin, their items are relative to it, and no link of an answer is followed.
//! Source: <https://learn.microsoft.com/en-us/graph/json-batching>, <https://learn.microsoft.com/en-us/graph/api/profilephoto-get>

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};
use domain::ids::ObjectId;
use domain::photo::{Answer, BYTES_MAX, Metadata, SIDE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::{Graph, GraphError, LOAD, PRIORITY, load, read_error};
use crate::transport::{TransportError, retry_after};

/// What Graph said about each of the people asked for.
#[derive(Debug)]
pub struct Batch<T> {
    /// One answer for everybody who was asked for.
    pub answers: BTreeMap<ObjectId, Answer<T>>,
    /// How much of what it allows Graph says to be used up, in percent; 0 where it says nothing.
    pub load_percent: u32,
    /// What failed for the batch as a whole.
    pub trouble: Option<GraphError>,
}

/// Which size of a photo is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// The largest there is.
    Largest,
    /// [`SIDE`] by [`SIDE`] pixels.
    Square,
}

/// A photo's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picture {
    /// At most [`BYTES_MAX`].
    Bytes(Vec<u8>),
    /// More than [`BYTES_MAX`]; they were not kept.
    TooLarge,
}

impl Graph {
    /// Asks what photos these people have; at most twenty.
    pub async fn photo_metadata(&self, token: &SecretString, people: &[ObjectId], now: Timestamp) -> Batch<Metadata> {
        let asked: Vec<(ObjectId, String)> = people.iter().map(|person| (*person, format!("/users/{person}/photo"))).collect();
        self.batch(token, &asked, now, metadata).await
    }

    /// Fetches photos of these people; at most twenty. Only sizes whose bytes are bounded may be asked for together.
    pub async fn photos(&self, token: &SecretString, wanted: &[(ObjectId, Size)], now: Timestamp) -> Batch<Picture> {
        let url = |person: &ObjectId, size: &Size| match size {
            Size::Largest => format!("/users/{person}/photo/$value"),
            Size::Square => format!("/users/{person}/photos/{SIDE}x{SIDE}/$value"),
        };
        let asked: Vec<(ObjectId, String)> = wanted.iter().map(|(person, size)| (*person, url(person, size))).collect();
        self.batch(token, &asked, now, picture).await
    }

    /// Fetches one person's photo by itself, in the largest size there is.
    pub async fn photo(&self, token: &SecretString, person: ObjectId, now: Timestamp) -> Answer<Picture> {
        let mut url = self.endpoints.graph.clone();
        url.set_path(&format!("v1.0/users/{person}/photo/$value"));
        let Ok(request) = Self::outgoing(Method::GET, &url, token).body(Vec::new()) else {
            return Answer::Unreadable;
        };
        match self.transport.send(request).await {
            Ok(answer) if answer.status() == StatusCode::OK => bounded(answer.into_body()),
            Ok(answer) => {
                let code = serde_json::from_slice::<Fields>(answer.body()).ok().and_then(Fields::code);
                Answer::failed(answer.status().as_u16(), &code.unwrap_or_default(), retry_after(answer.headers(), now))
            }
            Err(TransportError::TooLarge { .. }) => Answer::Given(Picture::TooLarge),
            Err(TransportError::NoAnswer { .. }) => Answer::Later { after: None },
        }
    }

    async fn batch<T: Clone>(
        &self,
        token: &SecretString,
        asked: &[(ObjectId, String)],
        now: Timestamp,
        read: impl Fn(Body<'_>) -> Answer<T>,
    ) -> Batch<T> {
        if asked.is_empty() {
            return Batch { answers: BTreeMap::new(), load_percent: 0, trouble: None };
        }
        let for_all = |answer: Answer<T>, trouble: GraphError| Batch {
            answers: asked.iter().map(|(person, _)| (*person, answer.clone())).collect(),
            load_percent: 0,
            trouble: Some(trouble),
        };
        let answer = match self.post(token, asked).await {
            Ok(answer) => answer,
            Err(trouble) => return for_all(Answer::Later { after: None }, trouble),
        };
        match responses(&answer) {
            Ok(responses) => {
                let load_percent =
                    responses.iter().filter_map(Item::load).chain(load(answer.headers())).map(percent).max().unwrap_or_default();
                Batch { answers: told(asked, responses, now, read), load_percent, trouble: None }
            }
            Err(unreadable) => match read_error(&answer, now) {
                _ if answer.status() == StatusCode::OK => for_all(Answer::Unreadable, GraphError::Unreadable(unreadable)),
                trouble => for_all(refused(&answer, &trouble, now), trouble),
            },
        }
    }

    async fn post(&self, token: &SecretString, asked: &[(ObjectId, String)]) -> Result<Response<Vec<u8>>, GraphError> {
        let unsent = |what: String| GraphError::Unavailable { what, retry_after: None };
        let mut url = self.endpoints.graph.clone();
        url.set_path("v1.0/$batch");
        let requests = asked.iter().enumerate().map(|(place, (_, url))| Request::get(place, url)).collect();
        let body = serde_json::to_vec(&Requests { requests }).map_err(|error| unsent(error.to_string()))?;
        let request = Self::outgoing(Method::POST, &url, token).header(header::CONTENT_TYPE, "application/json").body(body);
        let request = request.map_err(|error| unsent(error.to_string()))?;
        self.transport.send(request).await.map_err(|error| unsent(error.to_string()))
    }
}

#[derive(Serialize)]
struct Requests<'a> {
    requests: Vec<Request<'a>>,
}

#[derive(Serialize)]
struct Request<'a> {
    id: String,
    method: &'static str,
    url: &'a str,
    /// Each item is throttled by itself, so each says that it gives way.
    headers: BTreeMap<&'static str, &'static str>,
}

impl<'a> Request<'a> {
    fn get(place: usize, url: &'a str) -> Self {
        Self { id: place.to_string(), method: "GET", url, headers: BTreeMap::from([PRIORITY]) }
    }
}

#[derive(Deserialize)]
struct Responses<'a> {
    #[serde(borrow)]
    responses: Vec<Entry<'a>>,
}

/// One entry, so that one that makes no sense spoils none of the others.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry<'a> {
    #[serde(borrow)]
    Item(Item<'a>),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct Item<'a> {
    id: String,
    status: u16,
    /// Names and values come in any spelling.
    #[serde(default)]
    headers: Option<BTreeMap<String, serde_json::Value>>,
    #[serde(borrow, default)]
    body: Option<Body<'a>>,
}

/// What an item holds: bytes in base64, or the fields of an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Body<'a> {
    #[serde(borrow)]
    Text(Cow<'a, str>),
    Fields(Fields),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "@odata.mediaEtag", default)]
    etag: Option<String>,
    #[serde(default)]
    width: Option<u32>,
    #[serde(default)]
    height: Option<u32>,
    #[serde(default)]
    error: Option<ErrorWord>,
}

#[derive(Deserialize)]
struct ErrorWord {
    #[serde(default)]
    code: Option<String>,
}

impl Fields {
    fn code(self) -> Option<String> {
        self.error?.code
    }
}

impl Item<'_> {
    fn header(&self, name: &'static str) -> HeaderMap {
        let found = self.headers.iter().flatten().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let text = found.map(|(_, value)| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let value = text.and_then(|text| HeaderValue::from_str(&text).ok());
        value.into_iter().map(|value| (HeaderName::from_static(name), value)).collect()
    }

    fn load(&self) -> Option<f64> {
        load(&self.header(LOAD))
    }
}

/// A part of one as whole percent, within reason.
fn percent(part: f64) -> u32 {
    // The bounds are those of the type.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped before")]
    let percent = (part * 100.0).clamp(0.0, 1_000.0) as u32;
    percent
}

/// The items of an answer. A batch of which an item was throttled may fail with 424 as a whole, and is answered item by item all the same.
fn responses(answer: &Response<Vec<u8>>) -> Result<Vec<Item<'_>>, serde_json::Error> {
    let body = match answer.status() {
        StatusCode::OK | StatusCode::FAILED_DEPENDENCY => answer.body().as_slice(),
        _ => b"",
    };
    let read: Responses<'_> = serde_json::from_slice(body)?;
    let item = |entry| match entry {
        Entry::Item(item) => Some(item),
        Entry::Other(IgnoredAny) => None,
    };
    Ok(read.responses.into_iter().filter_map(item).collect())
}

/// What a refusal of the whole batch means for each.
fn refused<T>(answer: &Response<Vec<u8>>, trouble: &GraphError, now: Timestamp) -> Answer<T> {
    match trouble {
        GraphError::Unauthorized => Answer::Unauthorized,
        GraphError::Forbidden { .. } => Answer::Denied,
        GraphError::Unavailable { .. } => Answer::failed(answer.status().as_u16(), "", retry_after(answer.headers(), now)),
        GraphError::Refused { status: 424, .. } => Answer::Later { after: retry_after(answer.headers(), now) },
        _ => Answer::Unreadable,
    }
}

/// Everybody's answer. Whoever has none was not answered in a way that can be understood.
fn told<T>(
    asked: &[(ObjectId, String)],
    responses: Vec<Item<'_>>,
    now: Timestamp,
    read: impl Fn(Body<'_>) -> Answer<T>,
) -> BTreeMap<ObjectId, Answer<T>> {
    let mut answers: BTreeMap<ObjectId, Answer<T>> = BTreeMap::new();
    for item in responses {
        let place = item.id.parse::<usize>().ok();
        let Some((person, _)) = place.and_then(|place| asked.get(place)) else { continue };
        let after = retry_after(&item.header("retry-after"), now);
        let answer = match (item.status, item.body) {
            (200, Some(body)) => read(body),
            (200, None) => Answer::Unreadable,
            (status, body) => {
                let code = match body {
                    Some(Body::Fields(fields)) => fields.code(),
                    _ => None,
                };
                Answer::failed(status, &code.unwrap_or_default(), after)
            }
        };
        answers.insert(*person, answer);
    }
    for (person, _) in asked {
        answers.entry(*person).or_insert(Answer::Unreadable);
    }
    answers
}

fn metadata(body: Body<'_>) -> Answer<Metadata> {
    let Body::Fields(fields) = body else { return Answer::Unreadable };
    let etag = fields.etag.filter(|etag| !etag.is_empty());
    if etag.is_none() && fields.width.is_none() {
        return Answer::Unreadable;
    }
    let metadata = Metadata { etag, width: fields.width.unwrap_or_default(), height: fields.height.unwrap_or_default() };
    match metadata.is_placeholder() {
        true => Answer::NoPhoto,
        false => Answer::Given(metadata),
    }
}

fn picture(body: Body<'_>) -> Answer<Picture> {
    match body {
        Body::Text(text) if text.len() / 4 * 3 > BYTES_MAX + 3 => Answer::Given(Picture::TooLarge),
        Body::Text(text) => decode(&text).map_or(Answer::Unreadable, bounded),
        Body::Fields(_) | Body::Other(IgnoredAny) => Answer::Unreadable,
    }
}

/// Base64 in either alphabet, with or without padding: the documents speak of both.
fn decode(text: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);
    match text.contains(['-', '_']) {
        true => URL_SAFE.decode(text).ok(),
        false => STANDARD.decode(text).ok(),
    }
}

/// Bytes of an answer that promised a photo; none at all are no photo, and no answer either.
fn bounded(bytes: Vec<u8>) -> Answer<Picture> {
    match bytes.len() {
        0 => Answer::Unreadable,
        1..=BYTES_MAX => Answer::Given(Picture::Bytes(bytes)),
        _ => Answer::Given(Picture::TooLarge),
    }
}

#[cfg(test)]
mod tests;
