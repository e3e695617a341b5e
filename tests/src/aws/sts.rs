//! STS: tokens that say which role asks, signed by an issuer of this process.
//! Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html>

use std::sync::OnceLock;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{Front, Mood};
use crate::certificates::rsa;

/// The account's issuer.
pub const ISSUER: &str = "https://7a2d9c1e.tokens.sts.example";
/// The role that asks.
pub const SUBJECT: &str = "arn:aws:iam::000000000000:role/evergrant";
const KEY_ID: &str = "sts-1";

/// The issuer's key, the same for the whole process.
fn key() -> &'static EncodingKey {
    static KEY: OnceLock<EncodingKey> = OnceLock::new();
    KEY.get_or_init(|| EncodingKey::from_rsa_pem(rsa().serialize_pem().as_bytes()).expect("the key is RSA"))
}

/// The issuer's public keys, as it publishes them.
///
/// # Panics
/// When the key is none.
#[must_use]
pub fn key_set() -> Value {
    let mut public = Jwk::from_encoding_key(key(), Algorithm::RS256).expect("the key is RSA");
    public.common.key_id = Some(KEY_ID.to_owned());
    json!({"keys": [public]})
}

pub(super) fn answer(front: &Front, mood: Mood, body: &[u8]) -> Response {
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(body).into_owned().collect();
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap_or_default();
    let lifetime: i64 = field("DurationSeconds").parse().unwrap_or(300);
    match mood {
        Mood::Well if field("SigningAlgorithm") == "RS256" && (60..=3600).contains(&lifetime) => {}
        Mood::Well => return refused(StatusCode::BAD_REQUEST, "ValidationError"),
        Mood::Denying => return refused(StatusCode::FORBIDDEN, "OutboundWebIdentityFederationDisabledException"),
        Mood::Failing | Mood::Silent => return refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure"),
    }
    let (now, lifetime) = (front.clock.now(), SignedDuration::from_secs(lifetime));
    let claims = json!({
        "iss": ISSUER, "sub": SUBJECT, "aud": field("Audience.member.1"), "iat": now.as_second(), "nbf": now.as_second(),
        "exp": (now + lifetime).as_second(), "jti": uuid::Uuid::from_u128(now.as_nanosecond().unsigned_abs()),
    });
    let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::RS256) };
    let token = jsonwebtoken::encode(&header, &claims, key()).expect("claims can be signed");
    let ends_at = now + lifetime;
    spoken(
        StatusCode::OK,
        format!(
            "<GetWebIdentityTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetWebIdentityTokenResult>\
             <WebIdentityToken>{token}</WebIdentityToken><Expiration>{ends_at}</Expiration></GetWebIdentityTokenResult>\
             <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetWebIdentityTokenResponse>"
        ),
    )
}

fn refused(status: StatusCode, code: &str) -> Response {
    spoken(
        status,
        format!("<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error><RequestId>r</RequestId></ErrorResponse>"),
    )
}

fn spoken(status: StatusCode, xml: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/xml")], xml).into_response()
}
