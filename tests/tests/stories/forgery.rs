//! id_tokens that are not Entra's word to us. Only who holds Entra's key can make most of them; they are refused all the same.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use system_tests::World;
use system_tests::world::CLIENT;

use crate::support::grant_items;

/// Another tenant.
const ELSEWHERE: &str = "00000000-0000-4000-8000-00000000beef";

/// Entra's own key, as the simulator keeps it.
fn entras_key(world: &World) -> String {
    let saved = world.simulator.save();
    saved["signing_key"]["pem"].as_str().expect("a saved world holds its key").to_owned()
}

fn parts(token: &str) -> (Value, Value) {
    let part = |index| {
        let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(index).expect("a JWS has three parts")).expect("base64url");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    (part(0), part(1))
}

fn sign(claims: &Value, key_id: &str, (algorithm, key): (Algorithm, &EncodingKey)) -> String {
    let header = Header { kid: Some(key_id.to_owned()), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, claims, key).expect("claims can be signed")
}

fn unsigned(header: &Value, claims: &Value, signature: &str) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", encode(header), encode(claims))
}

/// Consents while the id_token is replaced by `forge(id_token, Entra's key)`; answers the reason why it failed, or none.
async fn reason(forge: impl Fn(&str, &str) -> Value + Send + 'static) -> Option<String> {
    let world = World::new().await;
    let id = world.connect().await;
    let begun = world.begin(&id).await;
    let before = grant_items(&world, &id).await;
    let url = world.accept(&begun);
    let key = entras_key(&world);
    world.wire.bend_json("/token", move |body| body["id_token"] = forge(body["id_token"].as_str().expect("an id_token"), &key));
    world.come_back(&url).await;
    let attempt = world.attempt(&begun.attempt).await;
    let reason = attempt["failure"]["reason"].as_str().map(str::to_owned);
    assert_eq!(reason.is_some(), grant_items(&world, &id).await == before, "{attempt}");
    reason
}

/// The same, with claims changed and signed again by Entra's own key.
async fn reason_for_claims(change: impl Fn(&mut Value) + Send + 'static) -> Option<String> {
    reason(move |token, key| {
        let (header, mut claims) = parts(token);
        change(&mut claims);
        let key = EncodingKey::from_rsa_pem(key.as_bytes()).expect("Entra's key");
        json!(sign(&claims, header["kid"].as_str().unwrap_or_default(), (Algorithm::RS256, &key)))
    })
    .await
}

const REFUSED: Option<&str> = Some("verification-failed");

#[tokio::test]
async fn entras_own_word_signed_again_is_accepted() {
    assert_eq!(reason_for_claims(|_| {}).await, None);
}

#[tokio::test]
async fn a_token_for_another_nonce_audience_or_issuer_is_refused() {
    for (claim, value) in [
        ("nonce", json!("another")),
        ("nonce", Value::Null),
        ("aud", json!(ELSEWHERE)),
        ("aud", json!([ELSEWHERE])),
        ("iss", json!(format!("https://login.microsoftonline.com/{ELSEWHERE}/v2.0"))),
        ("iss", json!("https://evil.example/v2.0")),
        ("tid", json!(ELSEWHERE)),
        ("tid", json!("not-a-guid")),
        ("oid", Value::Null),
        ("exp", json!(0)),
        ("exp", Value::Null),
        ("nbf", json!(4_102_444_800_i64)),
    ] {
        let shown = format!("{claim} = {value}");
        assert_eq!(reason_for_claims(move |claims| claims[claim] = value.clone()).await.as_deref(), REFUSED, "{shown}");
    }
}

#[tokio::test]
async fn a_well_signed_token_of_another_tenant_is_the_wrong_tenant() {
    let reason = reason_for_claims(|claims| {
        claims["tid"] = json!(ELSEWHERE);
        claims["iss"] = json!(format!("https://login.microsoftonline.com/{ELSEWHERE}/v2.0"));
    });
    assert_eq!(reason.await.as_deref(), Some("wrong-tenant"));
}

#[tokio::test]
async fn a_token_that_is_not_signed_by_entra_is_refused() {
    let none = |token: &str, _: &str| {
        let (header, claims) = parts(token);
        json!(unsigned(&json!({"alg": "none", "typ": "JWT", "kid": header["kid"]}), &claims, ""))
    };
    assert_eq!(reason(none).await.as_deref(), REFUSED, "alg none");
    let symmetric = |token: &str, _: &str| {
        let (header, claims) = parts(token);
        let key = EncodingKey::from_secret(CLIENT.to_string().as_bytes());
        json!(sign(&claims, header["kid"].as_str().unwrap_or_default(), (Algorithm::HS256, &key)))
    };
    assert_eq!(reason(symmetric).await.as_deref(), REFUSED, "HS256");
    let bent = |token: &str, _: &str| {
        let (body, signature) = token.rsplit_once('.').expect("a signature");
        let flipped: String = signature.chars().rev().collect();
        json!(format!("{body}.{flipped}"))
    };
    assert_eq!(reason(bent).await.as_deref(), REFUSED, "signature");
    let unknown = |token: &str, key: &str| {
        let (_, claims) = parts(token);
        let key = EncodingKey::from_rsa_pem(key.as_bytes()).expect("Entra's key");
        json!(sign(&claims, "nobody", (Algorithm::RS256, &key)))
    };
    assert_eq!(reason(unknown).await.as_deref(), REFUSED, "key id");
    assert_eq!(reason(|_, _| json!("not.a.token")).await.as_deref(), REFUSED, "no token");
}

#[tokio::test]
async fn an_answer_without_an_id_token_is_no_sign_in() {
    assert_eq!(reason(|_, _| Value::Null).await.as_deref(), Some("unavailable"));
}

#[tokio::test]
async fn a_rotated_signing_key_is_found() {
    let world = World::new().await;
    let id = world.connect().await;
    world.work(entra_simulator::Act::RotateSigningKey);
    assert_eq!(world.consent(&id).await["state"], "succeeded");
}
