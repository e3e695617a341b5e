//! Clients that prove themselves by a signature instead of a secret.

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use entra_simulator::{Act, App, FederatedCredential, Reach};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{Answer, CLIENT, REDIRECT, SECRET, World};

const ISSUER: &str = "https://issuer.example/account";
const SUBJECT: &str = "arn:aws:iam::123456789012:role/Sync";
const AUDIENCE: &str = "api://AzureADTokenExchange";

struct Key {
    private: EncodingKey,
    public_pem: String,
}

fn key() -> Key {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("the system has randomness");
    let private: Pkcs8V1Der<'_> = pair.as_der().expect("a key can be written");
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("a key can be written");
    let pem = |kind: &str, der: &[u8]| format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der));
    let private = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes()).expect("the key is RSA");
    Key { private, public_pem: pem("PUBLIC KEY", public.as_ref()) }
}

/// A world whose app trusts the key, as a certificate and as that of an outside issuer.
fn trusting(key: &Key) -> World {
    let world = World::new();
    let mut jwk = Jwk::from_encoding_key(&key.private, Algorithm::RS256).expect("the key is RSA");
    jwk.common.key_id = Some("k".to_owned());
    let mut app = App::web(CLIENT, "Signatures", REDIRECT, SECRET);
    app.certificates.push(key.public_pem.clone());
    app.federated_credentials.push(FederatedCredential {
        issuer: ISSUER.to_owned(),
        subject: SUBJECT.to_owned(),
        audience: AUDIENCE.to_owned(),
        jwks: json!({"keys": [jwk]}),
    });
    world.simulator.add_app(app);
    world.work(Act::GrantConsent);
    world
}

fn signed(key: &Key, algorithm: Algorithm, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key.private).expect("an RSA key signs")
}

fn certificate_claims(world: &World) -> Value {
    let now = world.at().as_second();
    let audience = format!("https://login.example/{}/oauth2/v2.0/token", world.tenant);
    json!({"iss": CLIENT, "sub": CLIENT, "aud": audience, "jti": "1", "nbf": now, "exp": now + 300})
}

fn federated_claims(world: &World) -> Value {
    let now = world.at().as_second();
    json!({"iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE, "nbf": now, "exp": now + 300})
}

async fn present(world: &World, assertion: &str) -> Answer {
    let client = CLIENT.to_string();
    let fields = [
        ("client_id", client.as_str()),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
        ("grant_type", "client_credentials"),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    world.post(&format!("/{}/oauth2/v2.0/token", world.tenant), &fields).await
}

/// The code of a refusal; 0 for a token.
fn code(answer: &Answer) -> u64 {
    answer.json()["error_codes"][0].as_u64().unwrap_or_default()
}

#[tokio::test]
async fn a_registered_certificate_signs_with_either_algorithm() {
    let key = key();
    let world = trusting(&key);
    for algorithm in [Algorithm::PS256, Algorithm::RS256] {
        let answer = present(&world, &signed(&key, algorithm, &certificate_claims(&world))).await;
        assert!(answer.json()["access_token"].is_string(), "{algorithm:?}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_certificate_counts_only_where_the_assertion_names_it() {
    let pair = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["app.example".to_owned()]).unwrap().self_signed(&pair).unwrap();
    let private = EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).unwrap();
    let world = trusting(&Key { private: private.clone(), public_pem: certificate.pem() });
    let own = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, certificate.der()));
    for (named, expected) in [(Some(own), 0), (Some("another".to_owned()), 700_027), (None, 700_027)] {
        let header = Header { x5t_s256: named.clone(), ..Header::new(Algorithm::PS256) };
        let assertion = jsonwebtoken::encode(&header, &certificate_claims(&world), &private).unwrap();
        assert_eq!(code(&present(&world, &assertion).await), expected, "{named:?}");
    }
}

#[tokio::test]
async fn an_unregistered_key_a_wrong_audience_and_a_wrong_time_are_told_apart() {
    let (key, stranger) = (key(), key());
    let world = trusting(&key);
    assert_eq!(code(&present(&world, &signed(&stranger, Algorithm::PS256, &certificate_claims(&world))).await), 700_027);
    for (name, value, expected) in [
        ("aud", json!("https://login.example/other/oauth2/v2.0/token"), 50027),
        ("exp", json!(world.at().as_second()), 700_024),
        ("nbf", json!(world.at().as_second() + 60), 700_024),
    ] {
        let mut claims = certificate_claims(&world);
        claims[name] = value;
        assert_eq!(code(&present(&world, &signed(&key, Algorithm::PS256, &claims)).await), expected, "{name}");
    }
    assert_eq!(code(&present(&world, "no.jwt.atall").await), 50027);
    world.work(Act::ExpireSecret { reach: Reach::Everywhere });
    assert_eq!(code(&present(&world, &signed(&key, Algorithm::PS256, &certificate_claims(&world))).await), 700_027);
}

#[tokio::test]
async fn a_federated_identity_matches_exactly_or_not_at_all() {
    let (key, stranger) = (key(), key());
    let world = trusting(&key);
    assert_eq!(code(&present(&world, &signed(&key, Algorithm::RS256, &federated_claims(&world))).await), 0);
    assert_eq!(code(&present(&world, &signed(&stranger, Algorithm::RS256, &federated_claims(&world))).await), 700_027);
    for (name, value, expected) in [
        ("iss", json!("https://issuer.example/other"), 70021),
        ("aud", json!("api://azureadtokenexchange"), 70021),
        ("sub", json!(SUBJECT.to_lowercase()), 700_213),
        ("exp", json!(world.at().as_second() - 1), 700_024),
    ] {
        let mut claims = federated_claims(&world);
        claims[name] = value;
        assert_eq!(code(&present(&world, &signed(&key, Algorithm::RS256, &claims)).await), expected, "{name}");
    }
}

#[tokio::test]
async fn a_secret_also_works_in_the_authorization_header() {
    let world = World::new();
    world.work(Act::GrantConsent);
    for (secret, expected) in [(SECRET, 200), ("wrong", 401)] {
        let request = http::Request::post(format!("/{}/oauth2/v2.0/token", world.tenant))
            .header("authorization", format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{secret}"))));
        let body = "grant_type=client_credentials&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default";
        assert_eq!(world.send(request.body(body.into()).unwrap()).await.status.as_u16(), expected);
    }
}

#[tokio::test]
async fn a_secret_ends_at_its_registered_time() {
    let world = World::new();
    let mut app = App::web(CLIENT, "Signatures", REDIRECT, SECRET);
    app.secrets[0].expires_at = Some(world.at());
    world.simulator.add_app(app);
    let token = world.grant();
    assert_eq!(code(&world.refresh(&token).await), 7_000_222);
}
