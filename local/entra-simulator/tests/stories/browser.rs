//! A person in a browser: sign-in, second factor, consent, and the code that comes of it.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entra_simulator::{Act, Role};
use http::StatusCode;
use jiff::SignedDuration;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use std::collections::HashMap;
use url::Url;
use uuid::Uuid;

use crate::support::{Answer, CLIENT, REDIRECT, SCOPES, World, user};

const VERIFIER: &str = "a-verifier-that-is-long-enough-for-rfc-7636-section-4-1";

fn authorize_url(authority: &str, extra: &[(&str, &str)]) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, VERIFIER.as_bytes()).as_ref());
    let mut url =
        Url::parse(&format!("https://login.example/{authority}/oauth2/v2.0/authorize")).expect("the helper is called on what is there");
    let scope = SCOPES.join(" ");
    let mut fields: HashMap<&str, &str> = HashMap::from([
        ("client_id", "11112222-3333-4444-5555-666677778888"),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT),
        ("scope", &scope),
        ("state", "st/ate+1"),
        ("nonce", "n-1"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    fields.extend(extra.iter().copied());
    fields.retain(|_, value| !value.is_empty());
    url.query_pairs_mut().extend_pairs(fields);
    url.to_string()
}

async fn step(world: &World, page: &Answer, fields: &[(&str, &str)]) -> Answer {
    let request = page.request_field();
    let mut all = vec![("request", request.as_str())];
    all.extend_from_slice(fields);
    world.post("/organizations/signin", &all).await
}

async fn sign_in(world: &World, authority: &str, login: &str) -> Answer {
    let page = world.get(&authorize_url(authority, &[])).await;
    step(world, &page, &[("step", "account"), ("login", login), ("password", "anything")]).await
}

fn parameters(url: &Url) -> HashMap<String, String> {
    url.query_pairs().into_owned().collect()
}

/// Signs the admin in and consents; answers the code.
async fn code(world: &World) -> String {
    let page = sign_in(world, "organizations", "ada@contoso.example").await;
    let answer = match page.status {
        StatusCode::OK => step(world, &page, &[("step", "accept")]).await,
        _ => page,
    };
    assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.text);
    parameters(&answer.location())["code"].clone()
}

async fn redeem(world: &World, code: &str, verifier: &str) -> Answer {
    let fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT), ("code_verifier", verifier)];
    world.token(&fields).await
}

#[tokio::test]
async fn signing_in_and_consenting_leads_to_tokens_and_a_verifiable_identity() {
    let world = World::new();
    let page = sign_in(&world, "organizations", "ada@contoso.example").await;
    assert!(page.text.contains("User.Read.All") && page.text.contains(">Contoso<"), "{}", page.text);
    let answer = step(&world, &page, &[("step", "accept")]).await;
    let location = answer.location();
    assert!(location.as_str().starts_with(REDIRECT));
    let query = parameters(&location);
    assert_eq!(query["state"], "st/ate+1");
    let body = redeem(&world, &query["code"], VERIFIER).await.json();
    let claims = verify(&world, body["id_token"].as_str().unwrap()).await;
    let now = world.at().as_second();
    let expected = json!({
        "iss": format!("https://login.example/{}/v2.0", world.tenant), "aud": CLIENT, "exp": now + 3600, "iat": now, "nbf": now,
        "nonce": "n-1", "tid": world.tenant, "oid": world.admin, "preferred_username": "ada@contoso.example", "name": "Ada",
        "sub": claims["sub"], "ver": "2.0",
        // Global Administrator, and what everybody is.
        "wids": ["62e90394-69f5-4237-9190-012177145e10", "b79fbf4d-3ef9-4689-8143-76b194e85509"],
    });
    assert_eq!(claims, expected);
    assert_eq!(world.refresh(body["refresh_token"].as_str().unwrap()).await.status, StatusCode::OK);
}

/// Checks the signature against the published keys, as a client would.
async fn verify(world: &World, id_token: &str) -> Value {
    let discovery = world.get("/organizations/v2.0/.well-known/openid-configuration").await.json();
    assert_eq!(discovery["issuer"], "https://login.example/{tenantid}/v2.0");
    let keys = world.get(discovery["jwks_uri"].as_str().expect("the helper is called on what is there")).await;
    let keys: JwkSet = serde_json::from_str(&keys.text).expect("the helper is called on what is there");
    let header = jsonwebtoken::decode_header(id_token).expect("the helper is called on what is there");
    let key = DecodingKey::from_jwk(
        keys.find(&header.kid.expect("the helper is called on what is there")).expect("the helper is called on what is there"),
    )
    .expect("the helper is called on what is there");
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[CLIENT.to_string()]);
    validation.validate_exp = false;
    jsonwebtoken::decode::<Value>(id_token, &key, &validation).expect("the helper is called on what is there").claims
}

#[tokio::test]
async fn consent_is_asked_once_and_again_only_on_demand() {
    let world = World::new();
    code(&world).await;
    assert_eq!(sign_in(&world, "organizations", "ada@contoso.example").await.status, StatusCode::FOUND);
    let page = world.get(&authorize_url("organizations", &[("prompt", "consent")])).await;
    let page = step(&world, &page, &[("step", "account"), ("login", "ada@contoso.example")]).await;
    assert!(page.text.contains(r#"id="accept""#));
}

#[tokio::test]
async fn a_code_is_redeemed_once() {
    let world = World::new();
    let code = code(&world).await;
    assert_eq!(redeem(&world, &code, VERIFIER).await.status, StatusCode::OK);
    assert_eq!(redeem(&world, &code, VERIFIER).await.json()["error_codes"], json!([54005]));
}

#[tokio::test]
async fn a_code_is_too_old_after_a_minute() {
    let world = World::new();
    let code = code(&world).await;
    world.pass(SignedDuration::from_secs(61));
    assert_eq!(redeem(&world, &code, VERIFIER).await.json()["error_codes"], json!([70008]));
}

#[tokio::test]
async fn a_code_needs_its_verifier_its_redirect_uri_and_its_tenant() {
    let world = World::new();
    let code = code(&world).await;
    assert_eq!(redeem(&world, &code, "wrong").await.json()["error_codes"], json!([501_481]));
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", "https://other.example/"),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(world.token(&fields).await.json()["error_codes"], json!([50011]));
    let other = World { tenant: world.simulator.add_tenant("Fabrikam"), simulator: world.simulator.clone(), admin: world.admin };
    other.work(Act::GrantConsent);
    assert_eq!(redeem(&other, &code, VERIFIER).await.json()["error_codes"], json!([700_005]));
    assert_eq!(redeem(&world, &code, VERIFIER).await.status, StatusCode::OK, "failed attempts do not use the code up");
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_satisfies_the_requirement() {
    let world = World::new();
    world.work(Act::RequireMfa { user: world.admin });
    let page = sign_in(&world, "organizations", "ada@contoso.example").await;
    assert!(page.text.contains("second factor"));
    let page = step(&world, &page, &[("step", "mfa")]).await;
    let answer = step(&world, &page, &[("step", "accept")]).await;
    let body = redeem(&world, &parameters(&answer.location())["code"], VERIFIER).await.json();
    assert_eq!(world.refresh(body["refresh_token"].as_str().unwrap()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_second_factor_cannot_be_skipped() {
    let world = World::new();
    world.work(Act::RequireMfa { user: world.admin });
    let page = sign_in(&world, "organizations", "ada@contoso.example").await;
    let answer = step(&world, &page, &[("step", "accept")]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text);
}

#[tokio::test]
async fn saying_no_is_told_to_the_client() {
    let world = World::new();
    let page = sign_in(&world, "organizations", "ada@contoso.example").await;
    let query = parameters(&step(&world, &page, &[("step", "cancel")]).await.location());
    assert_eq!((query["error"].as_str(), query["error_subcode"].as_str()), ("access_denied", "cancel"));
    assert_eq!(query["state"], "st/ate+1");
    assert!(query["error_description"].starts_with("AADSTS65004"));
}

#[tokio::test]
async fn an_account_of_another_tenant_is_refused_on_a_page() {
    let world = World::new();
    let other = world.simulator.add_tenant("Fabrikam");
    let answer = sign_in(&world, &other.to_string(), "ada@contoso.example").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text.contains("AADSTS50020"), "{}", answer.text);
    assert_eq!(sign_in(&world, &world.tenant.to_string(), "ada@contoso.example").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_ordinary_user_is_sent_to_an_admin() {
    let world = World::new();
    world.simulator.add_user(world.tenant, user("Max", Role::Member));
    let answer = sign_in(&world, "organizations", "max@contoso.example").await;
    assert!(answer.text.contains("AADSTS90094") && answer.text.contains("Needs admin approval"));
}

#[tokio::test]
async fn a_wrong_redirect_uri_is_shown_and_never_redirected_to() {
    let world = World::new();
    for (name, value, code) in [
        ("redirect_uri", "https://portal.example/callback/", "AADSTS50011"),
        ("redirect_uri", "", "AADSTS900144"),
        ("client_id", "99999999-0000-0000-0000-000000000000", "AADSTS700016"),
    ] {
        let answer = world.get(&authorize_url("organizations", &[(name, value)])).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::BAD_REQUEST, ""));
        assert!(answer.text.contains(code), "{name}={value}");
    }
    let answer = world.get(&authorize_url(&Uuid::nil().to_string(), &[])).await;
    assert!(answer.text.contains("AADSTS90002"));
}

#[tokio::test]
async fn other_mistakes_are_told_to_the_client() {
    let world = World::new();
    for (name, value, error) in [
        ("response_type", "code id_token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("scope", "", "invalid_request"),
        ("prompt", "none", "login_required"),
        ("prompt", "maybe", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "S512", "invalid_request"),
        ("claims", "{", "invalid_request"),
        ("response_mode", "pigeon", "invalid_request"),
    ] {
        let query = parameters(&world.get(&authorize_url("organizations", &[(name, value)])).await.location());
        assert_eq!((query["error"].as_str(), query["state"].as_str()), (error, "st/ate+1"), "{name}={value}");
    }
}

#[tokio::test]
async fn each_response_mode_carries_the_code_its_own_way() {
    let world = World::new();
    world.grant();
    let page = world.get(&authorize_url("organizations", &[("response_mode", "fragment")])).await;
    let answer = step(&world, &page, &[("step", "account"), ("login", "ada@contoso.example")]).await;
    assert!(answer.location().fragment().is_some_and(|fragment| fragment.contains("code=")));
    let page = world.get(&authorize_url("organizations", &[("response_mode", "form_post")])).await;
    let answer = step(&world, &page, &[("step", "account"), ("login", "ada@contoso.example")]).await;
    assert!(answer.text.contains(r#"name="code""#) && answer.text.contains(&format!(r#"action="{REDIRECT}""#)));
}

#[tokio::test]
async fn pages_refuse_frames_and_cut_the_tie_to_their_opener() {
    let world = World::new();
    let page = world.get(&authorize_url("organizations", &[("login_hint", "<b>\"x\"")])).await;
    assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
    assert_eq!(page.header("x-frame-options"), "DENY");
    assert!(page.text.contains(r#"id="account-0""#) && page.text.contains(r#"id="login""#) && page.text.contains(r#"id="next""#));
    assert!(page.text.contains("&lt;b&gt;&quot;x&quot;") && !page.text.contains("<b>\"x\""));
}

#[tokio::test]
async fn a_forged_form_is_refused() {
    let world = World::new();
    let answer = world.post("/organizations/signin", &[("step", "accept"), ("request", "Pf.e30.AAAA")]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn admin_consent_grants_application_permissions_and_its_denial_says_true_as_well() {
    let world = World::new();
    let path = format!(
        "/{}/v2.0/adminconsent?client_id={CLIENT}&redirect_uri={REDIRECT}&state=s&scope=https://graph.microsoft.com/.default",
        world.tenant
    );
    let page = world.get(&path).await;
    let page = step(&world, &page, &[("step", "account"), ("login", "ada@contoso.example")]).await;
    let denied = parameters(&step(&world, &page, &[("step", "cancel")]).await.location());
    assert_eq!((denied["error"].as_str(), denied["admin_consent"].as_str()), ("consent_required", "True"));
    let accepted = parameters(&step(&world, &page, &[("step", "accept")]).await.location());
    assert_eq!((accepted["tenant"].as_str(), accepted["admin_consent"].as_str()), (world.tenant.to_string().as_str(), "True"));
    assert!(!accepted.contains_key("error"));
    let answer = world.token(&[("grant_type", "client_credentials"), ("scope", "https://graph.microsoft.com/.default")]).await;
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.graph(&token, "/v1.0/users?$top=1").await.status, StatusCode::OK);
}

#[tokio::test]
async fn admin_consent_has_shortcuts_for_yes_and_no() {
    let world = World::new();
    let url = "https://login.example/organizations/v2.0/adminconsent?state=s&scope=https://graph.microsoft.com/.default";
    let url: Url = format!("{url}&client_id={CLIENT}&redirect_uri={REDIRECT}").parse().unwrap();
    let denied = parameters(&world.simulator.decline(&url).unwrap());
    assert_eq!((denied["error"].as_str(), denied["admin_consent"].as_str(), denied["state"].as_str()), ("consent_required", "True", "s"));
    assert!(denied["error_description"].starts_with("AADSTS65004"));
    let member = world.simulator.add_user(world.tenant, user("Max", Role::Member));
    assert!(world.simulator.accept(&url, (world.tenant, member)).is_err(), "only an admin may");
    let accepted = parameters(&world.simulator.accept(&url, (world.tenant, world.admin)).unwrap());
    assert_eq!((&accepted["tenant"], accepted["admin_consent"].as_str()), (&world.tenant.to_string(), "True"));
    assert!(!accepted.contains_key("error") && !accepted.contains_key("code"));
    let answer = world.token(&[("grant_type", "client_credentials"), ("scope", "https://graph.microsoft.com/.default")]).await;
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.graph(&token, "/v1.0/users?$top=1").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_older_admin_consent_endpoint_denies_in_its_own_words() {
    let world = World::new();
    let page = world.get(&format!("/{}/adminconsent?client_id={CLIENT}&redirect_uri={REDIRECT}&state=s", world.tenant)).await;
    let denied = parameters(&step(&world, &page, &[("step", "cancel")]).await.location());
    assert_eq!(denied["error"], "permission_denied");
    assert_eq!(denied["error_description"], "The admin canceled the request");
    assert!(!denied.contains_key("admin_consent"));
}

#[tokio::test]
async fn the_shortcut_ends_where_the_pages_end() {
    let world = World::new();
    let url = authorize_url("organizations", &[]).parse().unwrap();
    let location = world.simulator.accept(&url, (world.tenant, world.admin)).unwrap();
    let query = parameters(&location);
    assert_eq!(query["state"], "st/ate+1");
    assert_eq!(redeem(&world, &query["code"], VERIFIER).await.status, StatusCode::OK);
}
