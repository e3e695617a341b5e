//! A world with one app, one tenant and its admin, and ways to call it.

use axum::body::Body;
use entra_simulator::{Act, App, Role, Settings, Simulator, UserSeed};
use http::{HeaderMap, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tower::ServiceExt;
use url::{Url, form_urlencoded};
use uuid::Uuid;

pub(crate) const CLIENT: Uuid = Uuid::from_u128(0x1111_2222_3333_4444_5555_6666_7777_8888);
pub(crate) const SECRET: &str = "s3cret";
pub(crate) const REDIRECT: &str = "https://portal.example/callback";
pub(crate) const SCOPES: &[&str] = &["openid", "profile", "offline_access", "https://graph.microsoft.com/User.Read.All"];

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) tenant: Uuid,
    pub(crate) admin: Uuid,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn location(&self) -> Url {
        self.header("location").parse().expect("the answer redirects")
    }

    /// The value of the hidden field that carries the request.
    pub(crate) fn request_field(&self) -> String {
        let after = self.text.split(r#"name="request" value=""#).nth(1).expect("the page has a form");
        after.split('"').next().unwrap_or_default().to_owned()
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        login_base: Url::parse("https://login.example/").expect("a URL"),
        graph_base: Url::parse("https://graph.example/").expect("a URL"),
        seed: 7,
        start: "2026-03-02T10:00:00Z".parse().expect("a time"),
    }
}

pub(crate) fn user(name: &str, role: Role) -> UserSeed {
    UserSeed {
        display_name: name.to_owned(),
        user_principal_name: format!("{}@contoso.example", name.to_lowercase()),
        mail: Some(format!("{}@contoso.example", name.to_lowercase())),
        role,
        ..UserSeed::default()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let simulator = Simulator::new(settings());
        simulator.add_app(App::web(CLIENT, "Signatures", REDIRECT, SECRET));
        let tenant = simulator.add_tenant("Contoso");
        let admin = simulator.add_user(tenant, user("Ada", Role::Admin));
        Self { simulator, tenant, admin }
    }

    pub(crate) fn work(&self, act: Act) {
        self.simulator.work(self.tenant, act).expect("the act can be performed");
    }

    pub(crate) fn grant(&self) -> String {
        self.simulator.grant((self.tenant, self.admin), CLIENT, SCOPES).expect("the admin may sign in")
    }

    pub(crate) fn pass(&self, time: SignedDuration) {
        self.simulator.set_now(self.simulator.now() + time);
    }

    pub(crate) fn at(&self) -> Timestamp {
        self.simulator.now()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.simulator.router().oneshot(request).await.expect("a router always answers");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("the body arrives");
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&body).into_owned() }
    }

    pub(crate) async fn get(&self, url: &str) -> Answer {
        self.send(Request::get(path_of(url)).body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn graph(&self, token: &str, url: &str) -> Answer {
        let request = Request::get(path_of(url)).header("authorization", format!("Bearer {token}"));
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body)).expect("a request")).await
    }

    pub(crate) async fn post_json(&self, path: &str, token: Option<&str>, body: &Value) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> Answer {
        let client = CLIENT.to_string();
        let mut all = vec![("client_id", client.as_str()), ("client_secret", SECRET)];
        all.extend_from_slice(fields);
        self.post(&format!("/{}/oauth2/v2.0/token", self.tenant), &all).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// An access token for the admin.
    pub(crate) async fn access(&self) -> String {
        let answer = self.refresh(&self.grant()).await.json();
        answer["access_token"].as_str().expect("the refresh works").to_owned()
    }

    /// Walks from a URL to the end of the round; answers the pages and the delta link.
    pub(crate) async fn walk(&self, token: &str, url: &str) -> (Vec<Vec<Value>>, String) {
        let mut pages = Vec::new();
        let mut url = url.to_owned();
        for _ in 0..1_000 {
            let answer = self.graph(token, &url).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            let mut page = answer.json();
            pages.push(page["value"].as_array_mut().map(std::mem::take).expect("a page has people"));
            match (page["@odata.nextLink"].as_str(), page["@odata.deltaLink"].as_str()) {
                (Some(next), None) => url = next.to_owned(),
                (None, Some(delta)) => return (pages, delta.to_owned()),
                links => panic!("a page has one of two links, not {links:?}"),
            }
        }
        panic!("the walk does not end")
    }
}

/// Path and query of a URL or path; characters a client would escape are escaped.
fn path_of(url: &str) -> String {
    let url = Url::parse("https://any.example/").and_then(|base| base.join(url)).expect("a URL");
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}
