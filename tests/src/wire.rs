//! HTTP out, in process: Entra's and Graph's hosts lead to the simulator, every other host leads nowhere. A story can hold a request,
//! lose it, bend its answer, and see what passed.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};

use adapters::transport::{BODY_MAX_BYTES, Transport, TransportError};
use async_trait::async_trait;
use axum::body::Body;
use entra_simulator::Simulator;
use http::{Request, Response, Uri};
use serde_json::Value;
use tokio::sync::oneshot;
use tower::ServiceExt as _;

pub use crate::engine::Lost;

/// Entra's host.
pub const LOGIN: &str = "login.microsoftonline.com";
/// Graph's host.
pub const GRAPH: &str = "graph.microsoft.com";

/// What a token, code or secret is called in a form or in an answer.
const SECRET_FIELDS: [&str; 7] =
    ["access_token", "refresh_token", "id_token", "client_secret", "client_assertion", "code", "code_verifier"];

type Bend = Box<dyn FnMut(&Uri, &mut Response<Vec<u8>>) + Send>;

/// HTTP out of one world.
pub struct Wire {
    simulator: Simulator,
    watch: Mutex<Watch>,
}

#[derive(Default)]
struct Watch {
    seen: Vec<Uri>,
    secrets: BTreeSet<String>,
    refresh_tokens: Vec<String>,
    bends: Vec<Bend>,
    holds: Vec<Hold>,
    losses: Vec<(String, Lost)>,
}

struct Hold {
    path: String,
    place: Place,
    arrived: oneshot::Sender<()>,
    released: oneshot::Receiver<()>,
}

/// Where a request is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before it is sent.
    Outbound,
    /// After it was answered, before the answer arrives.
    Inbound,
}

/// A request that a story holds; it goes on when this is released or dropped.
pub struct Held {
    arrived: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

impl Held {
    /// Waits until the request is there.
    ///
    /// # Panics
    /// When it never comes.
    pub async fn arrived(&mut self) {
        (&mut self.arrived).await.expect("the held request comes");
    }

    /// Lets it go on.
    pub fn release(self) {
        let _ = self.release.send(());
    }
}

impl Wire {
    /// Leads to this simulator.
    #[must_use]
    pub fn new(simulator: Simulator) -> Self {
        Self { simulator, watch: Mutex::default() }
    }

    /// Where requests went, in order.
    #[must_use]
    pub fn seen(&self) -> Vec<Uri> {
        self.watch().seen.clone()
    }

    /// Every token, code and secret that passed.
    #[must_use]
    pub fn secrets(&self) -> BTreeSet<String> {
        self.watch().secrets.clone()
    }

    /// Refresh tokens that were sent to Entra, in order.
    #[must_use]
    pub fn refresh_tokens(&self) -> Vec<String> {
        self.watch().refresh_tokens.clone()
    }

    /// Bends every answer from now on.
    pub fn bend(&self, bend: impl FnMut(&Uri, &mut Response<Vec<u8>>) + Send + 'static) {
        self.watch().bends.push(Box::new(bend));
    }

    /// Bends the JSON of every answer whose path ends so, from now on.
    pub fn bend_json(&self, path: &str, mut bend: impl FnMut(&mut Value) + Send + 'static) {
        let path = path.to_owned();
        self.bend(move |uri, response| {
            if uri.path().ends_with(&path) {
                let mut body: Value = serde_json::from_slice(response.body()).expect("the answer is JSON");
                bend(&mut body);
                *response.body_mut() = serde_json::to_vec(&body).expect("JSON can be written");
            }
        });
    }

    /// Bends nothing any more.
    pub fn straighten(&self) {
        self.watch().bends.clear();
    }

    /// Holds the next request whose path ends so.
    #[must_use]
    pub fn hold(&self, path: &str, place: Place) -> Held {
        let (arrive, arrived) = oneshot::channel();
        let (release, released) = oneshot::channel();
        self.watch().holds.push(Hold { path: path.to_owned(), place, arrived: arrive, released });
        Held { arrived, release }
    }

    /// Loses the next request whose path ends so, or its answer.
    pub fn lose(&self, path: &str, lost: Lost) {
        self.watch().losses.push((path.to_owned(), lost));
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().expect("nobody panics on the wire")
    }

    async fn pause(&self, path: &str, place: Place) {
        let hold = {
            let mut watch = self.watch();
            let found = watch.holds.iter().position(|hold| hold.place == place && path.ends_with(&hold.path));
            found.map(|index| watch.holds.remove(index))
        };
        if let Some(hold) = hold {
            let _ = hold.arrived.send(());
            let _ = hold.released.await;
        }
    }

    fn drop_out(&self, uri: &Uri, lost: Lost) -> Result<(), TransportError> {
        let mut watch = self.watch();
        match watch.losses.iter().position(|(path, what)| *what == lost && uri.path().ends_with(path)) {
            Some(index) => {
                watch.losses.remove(index);
                Err(no_answer(uri, "the story loses it"))
            }
            None => Ok(()),
        }
    }

    async fn ask(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let uri = request.uri().clone();
        let response: Response<Body> = match self.simulator.router().oneshot(request.map(Body::from)).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (parts, body) = response.into_parts();
        match axum::body::to_bytes(body, BODY_MAX_BYTES).await {
            Ok(bytes) => Ok(Response::from_parts(parts, bytes.to_vec())),
            Err(error) => Err(no_answer(&uri, error)),
        }
    }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let uri = request.uri().clone();
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(request.body()).into_owned().collect();
        {
            let mut watch = self.watch();
            watch.seen.push(uri.clone());
            watch.refresh_tokens.extend(fields.iter().filter(|(name, _)| name == "refresh_token").map(|(_, value)| value.clone()));
            watch.secrets.extend(fields.into_iter().filter(|(name, _)| SECRET_FIELDS.contains(&name.as_str())).map(|(_, value)| value));
        }
        self.pause(uri.path(), Place::Outbound).await;
        self.drop_out(&uri, Lost::Request)?;
        if ![Some(LOGIN), Some(GRAPH)].contains(&uri.host()) {
            return Err(no_answer(&uri, "no such host in this world"));
        }
        let mut response = self.ask(request).await?;
        {
            let mut watch = self.watch();
            let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
            watch.secrets.extend(SECRET_FIELDS.iter().filter_map(|name| body[name].as_str()).map(str::to_owned));
            watch.bends.iter_mut().for_each(|bend| bend(&uri, &mut response));
        }
        self.pause(uri.path(), Place::Inbound).await;
        self.drop_out(&uri, Lost::Answer)?;
        Ok(response)
    }
}

fn no_answer(uri: &Uri, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TransportError {
    TransportError::NoAnswer { host: uri.host().unwrap_or_default().to_owned(), source: source.into() }
}
