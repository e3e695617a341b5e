//! The independent server, started for one test, and the person at the browser.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};

use adapters::transport::{Network, Transport, TransportError};
use async_trait::async_trait;
use http::header::{COOKIE, LOCATION, SET_COOKIE};
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use system_tests::world::{CLIENT, REDIRECT, SECRET};
use url::Url;
use uuid::Uuid;

/// The tenant of the one person there is.
pub(crate) const TENANT: Uuid = Uuid::from_u128(0x7e7a_0000_0000_4000_8000_0000_0000_0001);
/// That person.
pub(crate) const PERSON: Uuid = Uuid::from_u128(0x0b1e_0000_0000_4000_8000_0000_0000_0002);
/// That person's user principal name.
pub(crate) const NAME: &str = "ada@contoso.example";
/// Where Graph would be; it is never asked, its scope is.
pub(crate) const GRAPH: &str = "https://graph.microsoft.com/";
/// How long the server lets a refresh token live.
pub(crate) const LIFETIME: SignedDuration = SignedDuration::from_hours(24);
/// A sign-in takes four redirects.
const REDIRECTS_MAX: usize = 10;

/// The server, and HTTP out to it, which can be watched and lost.
pub(crate) struct Server {
    child: Child,
    pub(crate) base: Url,
    network: Network,
    watch: Mutex<Watch>,
}

#[derive(Default)]
struct Watch {
    refresh_tokens: Vec<String>,
    lost_answers: u32,
    extra_fields: Option<Value>,
}

impl Server {
    /// Starts it at a port of its own, with its clock at `now`.
    pub(crate) fn start(now: Timestamp) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("independent");
        let is_installed = folder.join("node_modules/oidc-provider/package.json").exists();
        assert!(is_installed, "the independent server is not installed: run `npm ci` in tests/independent");
        let settings = json!({
            "now": now,
            "client": {"client_id": CLIENT, "client_secret": SECRET, "redirect_uris": [REDIRECT]},
            "person": {"tid": TENANT, "oid": PERSON, "preferred_username": NAME},
            "scopes": ["openid", "profile", "offline_access", format!("{GRAPH}User.Read.All")],
            "refresh_token_seconds": LIFETIME.as_secs(),
        });
        let mut node = Command::new("node");
        node.arg("server.mjs").arg(settings.to_string()).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = node.spawn().expect("node is on the PATH");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it was asked for")).read_line(&mut line).expect("the server prints its port");
        let told: Value = serde_json::from_str(&line).expect("the server starts; its own words are above");
        let base = format!("http://127.0.0.1:{}/", told["port"]).parse().expect("a URL");
        Self { child, base, network: Network::connect().expect("a client"), watch: Mutex::default() }
    }

    /// Sets the server's clock.
    pub(crate) async fn set_now(&self, now: Timestamp) {
        let url = self.base.join("clock").expect("a URL");
        let request = Request::put(url.as_str()).body(now.to_string().into_bytes()).expect("a request");
        assert_eq!(self.network.send(request).await.expect("the server answers").status(), 204);
    }

    /// Follows a browser through the sign-in; answers where it is sent back to.
    pub(crate) async fn sign_in(&self, url: &Url) -> Url {
        let mut cookies = BTreeMap::new();
        let mut url = url.clone();
        for _ in 0..REDIRECTS_MAX {
            let cookie: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let request = Request::get(url.as_str()).header(COOKIE, cookie.join("; ")).body(Vec::new()).expect("a request");
            let answer = self.network.send(request).await.expect("the server answers");
            keep(&mut cookies, &answer);
            let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            let location = location.unwrap_or_else(|| panic!("{} without a redirect: {}", answer.status(), text(&answer)));
            url = url.join(location).expect("a URL");
            if url.as_str().starts_with(REDIRECT) {
                return url;
            }
        }
        panic!("the sign-in does not end: {url}");
    }

    /// Loses the next answers of the token endpoint, after the server did its part.
    pub(crate) fn lose_answers(&self, count: u32) {
        self.watch().lost_answers = count;
    }

    /// Adds these fields to every answer from now on.
    pub(crate) fn add_fields(&self, fields: Value) {
        self.watch().extra_fields = Some(fields);
    }

    /// Refresh tokens that were sent, in order.
    pub(crate) fn refresh_tokens(&self) -> Vec<String> {
        self.watch().refresh_tokens.clone()
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().expect("nobody panics while watching")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[async_trait]
impl Transport for Server {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let is_token = request.uri().path().ends_with("/token");
        let sent = url::form_urlencoded::parse(request.body()).into_owned().filter(|(name, _)| name == "refresh_token");
        let sent: Vec<String> = sent.map(|(_, token)| token).collect();
        self.watch().refresh_tokens.extend(sent);
        let mut answer = self.network.send(request).await?;
        let mut watch = self.watch();
        if is_token && watch.lost_answers > 0 {
            watch.lost_answers -= 1;
            return Err(TransportError::NoAnswer { host, source: "the story loses this answer".into() });
        }
        if let Some(Value::Object(fields)) = &watch.extra_fields {
            let mut body: Value = serde_json::from_slice(answer.body()).expect("the server speaks JSON");
            body.as_object_mut().expect("an object").extend(fields.clone());
            *answer.body_mut() = body.to_string().into_bytes();
        }
        Ok(answer)
    }
}

/// Keeps cookies as a browser does, but for their paths and ends: the server names its cookies apart, and a test is short.
fn keep(cookies: &mut BTreeMap<String, String>, answer: &Response<Vec<u8>>) {
    for cookie in answer.headers().get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok()) {
        let pair = cookie.split(';').next().unwrap_or_default();
        match pair.split_once('=') {
            Some((name, "")) => drop(cookies.remove(name)),
            Some((name, value)) => drop(cookies.insert(name.to_owned(), value.to_owned())),
            None => {}
        }
    }
}

fn text(answer: &Response<Vec<u8>>) -> String {
    String::from_utf8_lossy(answer.body()).chars().take(500).collect()
}
