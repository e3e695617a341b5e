//! Our client of Entra, and the check around it, against an OAuth server that we did not write: node-oidc-provider, at Entra's addresses.
//!
//! It is stricter than Entra: PKCE is demanded, a refresh token works once, and one that is used twice ends the whole grant (RFC 9700
//! section 4.14.2). So what passes here does not pass because our own simulator is kind. The server is `tests/independent/server.mjs`;
//! its packages are installed by `npm ci` in that folder, which `cargo xtask test` does.

mod rotation;
mod server;

use std::sync::Arc;

use adapters::entra::{Ask, Authority, Entra, Identity, IdentityError, Invitation, Registration, Tokens};
use adapters::transport::Transport;
use domain::cloud::Endpoints;
use domain::diagnosis::{self, Action};
use domain::ids::TenantId;
use domain::refusal::{ErrorWord, Failure, Refusal};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use system_tests::world::{CLIENT, REDIRECT, SECRET};
use url::Url;

use crate::server::{GRAPH, LIFETIME, NAME, PERSON, Server, TENANT};

/// PKCE's secret. Source: RFC 7636 appendix B
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const STATE: &str = "state-of-this-sign-in";
const NONCE: &str = "nonce-of-this-sign-in";

/// A server, our client of it, and the time that both clocks show at the start.
struct Strict {
    server: Arc<Server>,
    entra: Entra,
    now: Timestamp,
}

impl Strict {
    fn start() -> Self {
        let now = "2026-03-02T10:00:00Z".parse().expect("a time");
        let server = Arc::new(Server::start(now));
        let entra = client(&server, SECRET);
        Self { server, entra, now }
    }

    /// Signs the person in, as our client asks for it; answers what the callback is told.
    async fn come_back(&self, invitation: &Invitation<'_>) -> Url {
        self.server.sign_in(&self.entra.authorize_url(invitation)).await
    }

    /// A fresh authorization code.
    async fn code(&self) -> String {
        told(&self.come_back(&invitation(&secret(VERIFIER))).await, "code").expect("a code")
    }

    async fn redeem(&self, code: &str) -> Result<Tokens, Failure> {
        self.entra.redeem(Authority::Organizations, code.to_owned(), &secret(VERIFIER), self.now).await
    }

    async fn refresh(&self, token: &str) -> Result<Tokens, Failure> {
        self.entra.refresh(tenant(), &secret(token), self.now).await
    }

    /// The first refresh token of a new grant.
    async fn grant(&self) -> String {
        refresh_token(self.redeem(&self.code().await).await)
    }
}

fn client(server: &Arc<Server>, its_secret: &str) -> Entra {
    let endpoints = Endpoints { login: server.base.clone(), graph: GRAPH.parse().expect("a URL") };
    let redirect_url = REDIRECT.parse().expect("a URL");
    let registration = Registration { client_id: CLIENT.to_string(), credentials: secret(its_secret).into(), redirect_url };
    Entra::new(endpoints, registration, Arc::clone(server) as Arc<dyn Transport>)
}

fn invitation(verifier: &SecretString) -> Invitation<'_> {
    Invitation {
        ask: Ask::Directory,
        authority: Authority::Organizations,
        state: STATE,
        nonce: NONCE,
        verifier,
        login_hint: None,
        claims: None,
    }
}

fn secret(text: &str) -> SecretString {
    text.to_owned().into()
}

fn tenant() -> TenantId {
    TENANT.to_string().parse().expect("a tenant")
}

fn told(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[track_caller]
fn refresh_token(tokens: Result<Tokens, Failure>) -> String {
    let token = tokens.map(|tokens| tokens.refresh_token).expect("tokens").expect("a refresh token");
    token.expose_secret().to_owned()
}

#[track_caller]
fn refusal(answer: Result<Tokens, Failure>) -> Refusal {
    match answer {
        Err(Failure::Refused(refusal)) => *refusal,
        Err(Failure::Unclear(unclear)) => panic!("a refusal, not {unclear:?}"),
        Ok(_) => panic!("a refusal, not tokens"),
    }
}

/// The grant is over, and our reading says so: only a person can repair it.
#[track_caller]
fn assert_buried(answer: Result<Tokens, Failure>) {
    let refusal = refusal(answer);
    assert_eq!((refusal.status, &refusal.error), (400, &ErrorWord::InvalidGrant), "{refusal:?}");
    assert_eq!(diagnosis::action(&refusal), Action::Bury, "{refusal:?}");
}

#[tokio::test]
async fn a_code_and_its_verifier_bring_tokens_that_prove_who_signed_in() {
    let strict = Strict::start();
    let back = strict.come_back(&invitation(&secret(VERIFIER))).await;
    assert_eq!(told(&back, "state").as_deref(), Some(STATE));
    let tokens = strict.redeem(&told(&back, "code").expect("a code")).await.expect("tokens");
    assert_eq!(tokens.expires_in, SignedDuration::from_hours(1));
    let id_token = tokens.id_token.expect("an id_token");
    let identity = strict.entra.identify(&id_token, NONCE, strict.now).await.expect("a valid id_token");
    let expected = Identity {
        tenant: tenant(),
        object: PERSON.to_string().parse().expect("an object"),
        user_principal_name: Some(NAME.to_owned()),
        roles: Vec::new(),
    };
    assert_eq!(identity, expected);
    for (nonce, hours, fault) in [("another", 0, "another nonce"), (NONCE, 2, "expired")] {
        let refused = strict.entra.identify(&id_token, nonce, strict.now + SignedDuration::from_hours(hours)).await;
        assert!(matches!(refused, Err(IdentityError::Invalid(found)) if found == fault), "{refused:?}");
    }
}

#[tokio::test]
async fn an_id_token_for_another_client_or_with_another_signature_proves_nothing() {
    let strict = Strict::start();
    let tokens = strict.redeem(&strict.code().await).await.expect("tokens");
    let id_token = tokens.id_token.expect("an id_token").expose_secret().to_owned();
    let (signed, signature) = id_token.rsplit_once('.').expect("three parts");
    let forged = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    let refused = strict.entra.identify(&secret(&forged), NONCE, strict.now).await;
    assert!(matches!(refused, Err(IdentityError::Invalid(_))), "{refused:?}");
    let registration = Registration {
        client_id: "another".to_owned(),
        credentials: secret(SECRET).into(),
        redirect_url: REDIRECT.parse().expect("a URL"),
    };
    let endpoints = Endpoints { login: strict.server.base.clone(), graph: GRAPH.parse().expect("a URL") };
    let another = Entra::new(endpoints, registration, Arc::clone(&strict.server) as Arc<dyn Transport>);
    let refused = another.identify(&secret(&id_token), NONCE, strict.now).await;
    assert!(matches!(refused, Err(IdentityError::Invalid(_))), "{refused:?}");
}

#[tokio::test]
async fn a_suggested_account_and_claims_that_the_server_does_not_know_disturb_nothing() {
    let strict = Strict::start();
    let claims = r#"{"id_token":{"xms_cc":{"values":["cp1"]}},"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;
    let verifier = secret(VERIFIER);
    let authority = Authority::Tenant(tenant());
    let invitation = Invitation { login_hint: Some(NAME), claims: Some(claims), authority, ..invitation(&verifier) };
    let back = strict.come_back(&invitation).await;
    // RFC 9207: a parameter of the callback that we do not ask for.
    assert_eq!(told(&back, "iss"), Some(format!("{}{TENANT}/v2.0", strict.server.base)));
    let tokens = strict.redeem(&told(&back, "code").expect("a code")).await.expect("tokens");
    assert!(tokens.refresh_token.is_some() && tokens.id_token.is_some());
}

#[tokio::test]
async fn fields_that_nobody_specified_disturb_nothing() {
    let strict = Strict::start();
    let code = strict.code().await;
    strict.server.add_fields(json!({
        "ext_expires_in": 3600, "client_info": "e30", "foci": "1", "refresh_token_expires_in": 86_400, "nested": {"a": [1, null]},
        "trace_id": "t", "correlation_id": "c", "error_uri": "https://login.example/error", "error_codes": [],
    }));
    let first = refresh_token(strict.redeem(&code).await);
    let second = refresh_token(strict.refresh(&first).await);
    assert_ne!(first, second);
    assert_buried(strict.refresh(&first).await);
}

#[tokio::test]
async fn a_sign_in_without_pkce_is_not_even_begun() {
    let strict = Strict::start();
    let mut url = strict.entra.authorize_url(&invitation(&secret(VERIFIER)));
    let kept: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(name, _)| !name.starts_with("code_challenge")).collect();
    url.query_pairs_mut().clear().extend_pairs(kept);
    let back = strict.server.sign_in(&url).await;
    assert_eq!((told(&back, "error").as_deref(), told(&back, "code")), (Some("invalid_request"), None), "{back}");
}

#[tokio::test]
async fn a_code_with_another_verifier_is_refused() {
    let strict = Strict::start();
    let code = strict.code().await;
    let another = secret("another-verifier-that-is-long-enough-for-rfc-7636");
    let refusal = refusal(strict.entra.redeem(Authority::Organizations, code, &another, strict.now).await);
    assert_eq!(refusal.error, ErrorWord::InvalidGrant, "{refusal:?}");
}

#[tokio::test]
async fn a_code_that_is_redeemed_twice_is_refused_and_ends_what_it_brought() {
    let strict = Strict::start();
    let code = strict.code().await;
    let token = refresh_token(strict.redeem(&code).await);
    assert_eq!(refusal(strict.redeem(&code).await).error, ErrorWord::InvalidGrant);
    assert_buried(strict.refresh(&token).await);
}

#[tokio::test]
async fn each_use_of_a_refresh_token_brings_the_next_and_a_second_use_ends_them_all() {
    let strict = Strict::start();
    let first = strict.grant().await;
    let second = refresh_token(strict.refresh(&first).await);
    let third = refresh_token(strict.refresh(&second).await);
    assert!(first != second && second != third && first != third);
    assert_buried(strict.refresh(&first).await);
    // The newest was never used; it went with the grant.
    assert_buried(strict.refresh(&third).await);
}

#[tokio::test]
async fn a_wrong_client_secret_is_the_operators_fault() {
    let strict = Strict::start();
    let token = strict.grant().await;
    let wrong = client(&strict.server, "another-secret");
    let refusal = refusal(wrong.refresh(tenant(), &secret(&token), strict.now).await);
    assert_eq!((refusal.status, &refusal.error), (401, &ErrorWord::InvalidClient), "{refusal:?}");
    assert_eq!(diagnosis::action(&refusal), Action::BlameOperator);
    // The grant has lost nothing by it.
    refresh_token(strict.refresh(&token).await);
}

#[tokio::test]
async fn garbage_and_a_token_past_its_end_are_refused() {
    let strict = Strict::start();
    let token = strict.grant().await;
    for garbage in ["garbage", "0.AXYA-not-one-of-ours", "\u{e9}\u{0} &=%"] {
        assert_buried(strict.refresh(garbage).await);
    }
    let last = strict.now + LIFETIME - SignedDuration::from_secs(1);
    strict.server.set_now(last).await;
    let next = refresh_token(strict.refresh(&token).await);
    strict.server.set_now(last + LIFETIME + SignedDuration::from_secs(1)).await;
    assert_buried(strict.refresh(&next).await);
}
