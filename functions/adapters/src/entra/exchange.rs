//! One request to the token endpoint, with one credential after another until Entra accepts who we are.

use std::time::Duration;

use domain::refusal::{ErrorWord, Failure, Refusal, Unclear};
use jiff::Timestamp;
use oauth2::basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenType};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, EndpointNotSet, EndpointSet, PkceCodeVerifier, RedirectUrl, RefreshToken,
    Scope, StandardRevocableToken, StandardTokenIntrospectionResponse, TokenUrl,
};
use secrecy::{ExposeSecret as _, SecretString};

use super::credentials::Proof;
use super::tap::{Answer, EntraFields, Tap};
use super::{Ask, Authority, Entra, Tokens};

/// The longest that one exchange takes with all its credentials; two of them fit into the lease that a check holds.
const EXCHANGE_MAX: Duration = Duration::from_secs(25);

type Client = oauth2::Client<
    BasicErrorResponse,
    Answer,
    StandardTokenIntrospectionResponse<EntraFields, BasicTokenType>,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// What is exchanged for tokens.
pub(super) enum Grant<'a> {
    /// The authorization code of a callback.
    Code { code: String, verifier: &'a SecretString },
    /// A refresh token.
    Refresh(&'a SecretString),
    /// Nothing but who we are.
    App,
}

impl Entra {
    /// Exchanges a grant for tokens.
    pub(super) async fn exchange(&self, authority: Authority, grant: &Grant<'_>, now: Timestamp) -> Result<Tokens, Failure> {
        let exchange = Box::pin(self.exchange_with_any(authority, grant, now));
        let late = |_| Err(unclear(format!("no answer within {} seconds", EXCHANGE_MAX.as_secs())));
        tokio::time::timeout(EXCHANGE_MAX, exchange).await.unwrap_or_else(late)
    }

    /// Tries one credential after another, until one is accepted or the answer is about something else.
    async fn exchange_with_any(&self, authority: Authority, grant: &Grant<'_>, now: Timestamp) -> Result<Tokens, Failure> {
        let credentials = self.credentials();
        let endpoint = self.endpoint(authority, "token");
        let mut refused: Option<Box<Refusal>> = None;
        for (index, credential) in credentials.order(now) {
            let proof = match credential.prove(&self.registration.client_id, &endpoint, now).await {
                Ok(proof) => proof,
                Err(error) => {
                    credentials.note_failure(index, error.to_string());
                    continue;
                }
            };
            match self.send(authority, grant, &proof, now).await {
                Err(Failure::Refused(refusal)) if credential.is_refused_by(&refusal) => {
                    credentials.note_failure(index, format!("refused ({} {:?})", String::from(refusal.error.clone()), refusal.codes));
                    credential.forget().await;
                    // Of several, the one that says plainly that it is about us.
                    refused = refused.filter(|known| known.error == ErrorWord::InvalidClient).or(Some(refusal));
                }
                outcome => {
                    if is_accepted(&outcome) {
                        credentials.note_success(index, now);
                    }
                    return outcome;
                }
            }
        }
        Err(refused.map_or_else(|| unclear("no credential could be made".to_owned()), Failure::Refused))
    }

    async fn send(&self, authority: Authority, grant: &Grant<'_>, proof: &Proof, now: Timestamp) -> Result<Tokens, Failure> {
        let tap = Tap::new(self.transport.as_ref());
        let client = self.client(authority, proof.secret());
        let fields = proof.fields();
        let outcome = match grant {
            Grant::Code { code, verifier } => {
                let request = client.exchange_code(AuthorizationCode::new(code.clone()));
                let request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()));
                fields.iter().fold(request, |request, (name, value)| request.add_extra_param(*name, *value)).request_async(&tap).await
            }
            Grant::Refresh(token) => {
                let token = RefreshToken::new(token.expose_secret().to_owned());
                let request = client.exchange_refresh_token(&token).add_scopes(self.scopes(Ask::Directory).into_iter().map(Scope::new));
                fields.iter().fold(request, |request, (name, value)| request.add_extra_param(*name, *value)).request_async(&tap).await
            }
            Grant::App => {
                let request = client.exchange_client_credentials().add_scope(Scope::new(self.default_scope()));
                fields.iter().fold(request, |request, (name, value)| request.add_extra_param(*name, *value)).request_async(&tap).await
            }
        };
        tap.conclude(outcome, now)
    }

    pub(super) fn client(&self, authority: Authority, secret: Option<&str>) -> Client {
        let client = oauth2::Client::new(ClientId::new(self.registration.client_id.clone()));
        let client = match secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.to_owned())),
            None => client,
        };
        client
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(AuthUrl::from_url(self.endpoint(authority, "authorize")))
            .set_token_uri(TokenUrl::from_url(self.endpoint(authority, "token")))
            .set_redirect_uri(RedirectUrl::from_url(self.registration.redirect_url.clone()))
    }
}

fn unclear(what: String) -> Failure {
    Failure::Unclear(Unclear { what, retry_after: None })
}

/// Whether the answer shows that the credential was accepted: a grant is looked at only after that.
fn is_accepted(outcome: &Result<Tokens, Failure>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(Failure::Refused(refusal)) => refusal.error == ErrorWord::InvalidGrant,
        Err(Failure::Unclear(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entra::Registration;
    use crate::entra::credentials::{ClientSecret, Credential, Credentials};
    use crate::transport::{Transport, TransportError};
    use async_trait::async_trait;
    use domain::cloud::Endpoints;
    use domain::ids::TenantId;
    use http::{Request, Response};
    use serde_json::{Value, json};
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    /// Answers as told, and keeps the secrets that it was asked with.
    #[derive(Default)]
    struct Script {
        answers: Mutex<VecDeque<(u16, Value)>>,
        asked: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl Transport for Script {
        async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
            let fields = url::form_urlencoded::parse(request.body());
            let secret = fields.into_owned().find(|(name, _)| name == "client_secret").map(|(_, value)| value);
            self.asked.lock().unwrap().extend(secret);
            let (status, body) = self.answers.lock().unwrap().pop_front().expect("no more requests than answers");
            Ok(Response::builder().status(status).header("content-type", "application/json").body(body.to_string().into_bytes()).unwrap())
        }
    }

    fn refusal(error: &str, code: u32) -> (u16, Value) {
        (401, json!({"error": error, "error_codes": [code], "error_description": format!("AADSTS{code}: no")}))
    }

    fn token() -> (u16, Value) {
        (200, json!({"token_type": "Bearer", "expires_in": 3600, "access_token": "a", "refresh_token": "r"}))
    }

    /// Refreshes with two secrets; answers what came of it, and which secrets were sent.
    async fn refresh(answers: Vec<(u16, Value)>) -> (Result<Tokens, Failure>, Vec<String>) {
        let secret = |name: &'static str| Credential::Secret(ClientSecret { name, value: name.to_owned().into(), ends_at: None });
        let credentials = Credentials::from(secret("secret")).then(secret("secret-2"));
        let endpoints = Endpoints { login: "https://login.example/".parse().unwrap(), graph: "https://graph.example/".parse().unwrap() };
        let redirect_url = "https://api.example/callback".parse().unwrap();
        let registration = Registration { client_id: "app".to_owned(), credentials, redirect_url };
        let script = Arc::new(Script { answers: Mutex::new(answers.into()), ..Script::default() });
        let entra = Entra::new(endpoints, registration, Arc::clone(&script) as Arc<dyn Transport>);
        let outcome = entra.refresh(TenantId(uuid::Uuid::nil()), &"old".to_owned().into(), Timestamp::UNIX_EPOCH).await;
        (outcome, script.asked.lock().unwrap().clone())
    }

    #[tokio::test]
    async fn a_refused_credential_is_followed_by_the_next_for_the_same_request() {
        let (outcome, asked) = refresh(vec![refusal("invalid_client", 7_000_222), token()]).await;
        assert!(outcome.is_ok());
        assert_eq!(asked, ["secret", "secret-2"]);
    }

    #[tokio::test]
    async fn an_answer_about_anything_else_is_final() {
        for answer in [
            token(),
            refusal("invalid_grant", 50173),
            refusal("unauthorized_client", 700_016),
            refusal("invalid_request", 70021),
            (503, json!({})),
        ] {
            let (_, asked) = refresh(vec![answer.clone()]).await;
            assert_eq!(asked, ["secret"], "{answer:?}");
        }
    }

    #[tokio::test]
    async fn an_unclear_answer_to_the_second_is_unclear() {
        let (outcome, asked) = refresh(vec![refusal("invalid_client", 7_000_215), (503, json!({}))]).await;
        assert!(matches!(outcome, Err(Failure::Unclear(_))));
        assert_eq!(asked.len(), 2);
    }

    #[tokio::test]
    async fn where_all_are_refused_the_first_refusal_is_told() {
        let (outcome, asked) = refresh(vec![refusal("invalid_client", 7_000_222), refusal("invalid_client", 7_000_215)]).await;
        let Err(Failure::Refused(refused)) = outcome else { panic!("refused") };
        assert_eq!((refused.error, refused.codes), (ErrorWord::InvalidClient, vec![7_000_222]));
        assert_eq!(asked.len(), 2, "each is tried once");
    }
}
