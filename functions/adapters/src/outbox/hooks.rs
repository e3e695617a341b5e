//! Signed webhooks, as Standard Webhooks has them.
//!
//! A customer chooses where they go, so a webhook is an open invitation to reach into our own network. Every address that its host resolves
//! to is judged when a connection is made, and a connection is made to such an address alone; redirects are not followed, no proxy is asked,
//! and nothing of the answer is read but its status.
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::notice::destination;
use domain::notice::ledger::Sending;
use http::StatusCode;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use secrecy::{ExposeSecret as _, SecretString};

use super::Call;

/// How a secret begins where people see it.
pub const SECRET_PREFIX: &str = "whsec_";
/// The longest wait for an answer, connecting included. The specification asks for 15 to 30 seconds.
const DEADLINE: Duration = Duration::from_secs(15);
const CONNECT: Duration = Duration::from_secs(5);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Calls webhooks.
#[derive(Debug, Clone)]
pub struct Hooks {
    client: reqwest::Client,
}

impl Hooks {
    /// Sets up TLS and the system's resolver.
    ///
    /// # Errors
    /// Where the system has no usable TLS roots.
    pub fn connect() -> Result<Self, reqwest::Error> {
        Self::over(Arc::new(System))
    }

    /// The same, with another resolver; what it answers is judged all the same.
    ///
    /// # Errors
    /// Where the system has no usable TLS roots.
    pub fn over(resolver: Arc<dyn Resolve>) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .dns_resolver(Arc::new(Admitting(resolver)))
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(DEADLINE)
            .connect_timeout(CONNECT)
            .user_agent(concat!("evergrant/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client })
    }

    /// Calls one webhook.
    pub async fn post(&self, call: &Call) -> Sending {
        // An address that stands in the URL itself is never resolved.
        if let Some(refused) = literal(call).and_then(|address| destination::admit(address).err()) {
            return Sending::Again(refused.to_string());
        }
        let Some(signature) = signature(&call.secret, (&call.id, call.at.as_second()), &call.body) else {
            return Sending::Again("its secret cannot be read".to_owned());
        };
        let request = self.client.post(call.url.as_url().clone()).header("content-type", "application/json");
        let request = request.header("webhook-id", &call.id).header("webhook-timestamp", call.at.as_second().to_string());
        match request.header("webhook-signature", signature).body(call.body.clone()).send().await {
            Ok(answer) => judge(answer.status()),
            Err(error) => Sending::Again(why(error.without_url())),
        }
    }
}

fn literal(call: &Call) -> Option<std::net::IpAddr> {
    let host = call.url.as_url().host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// What the endpoint's answer says. 410 is its word that it wants no more.
fn judge(status: StatusCode) -> Sending {
    match status {
        status if status.is_success() => Sending::Taken,
        StatusCode::GONE => Sending::Gone("the endpoint answered 410 Gone".to_owned()),
        status => Sending::Again(format!("the endpoint answered {}", status.as_u16())),
    }
}

/// The innermost cause: the ones around it say only that a request was sent.
fn why(error: reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match error.is_timeout() {
        true => format!("the endpoint did not answer within {} seconds", DEADLINE.as_secs()),
        false => format!("the endpoint cannot be reached: {cause}"),
    }
}

/// The signature of one call; `None` where the secret is none: `whsec_` and base64.
#[must_use]
pub fn signature(secret: &SecretString, (id, timestamp): (&str, i64), body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.expose_secret().strip_prefix(SECRET_PREFIX)?).ok()?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(tag.as_ref())))
}

/// The system's resolver.
struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// A resolver whose every answer must be public: one address that is not makes the name worth nothing.
struct Admitting(Arc<dyn Resolve>);

impl Resolve for Admitting {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.0.resolve(name);
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = found.await?.collect();
            for address in &addresses {
                destination::admit(address.ip()).map_err(BoxError::from)?;
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(&'static [&'static str]);

    impl Resolve for Fixed {
        fn resolve(&self, _: Name) -> Resolving {
            let addresses: Vec<SocketAddr> = self.0.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
            Box::pin(async move { Ok(Box::new(addresses.into_iter()) as Addrs) })
        }
    }

    fn call() -> Call {
        Call {
            url: "https://hooks.example.com/evergrant".parse().unwrap(),
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(),
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned().into(),
            at: jiff::Timestamp::from_second(1_614_265_330).unwrap(),
            body: r#"{"test": 2432232314}"#.to_owned(),
        }
    }

    /// The example of the specification's own libraries.
    /// Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/rust/src/lib.rs>
    #[test]
    fn a_signature_is_what_others_expect() {
        let call = call();
        let signature = signature(&call.secret, (&call.id, call.at.as_second()), &call.body);
        assert_eq!(signature.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn a_secret_that_is_none_signs_nothing() {
        for secret in ["", "whsec", "whsec_%%%", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert_eq!(signature(&secret.to_owned().into(), ("id", 1), "{}"), None, "{secret:?}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_into_a_private_network_is_not_called() {
        const LEADS: [&[&str]; 4] = [&["10.0.0.1"], &["::ffff:169.254.169.254"], &["8.8.8.8", "127.0.0.1"], &["fd00:ec2::254"]];
        for addresses in LEADS {
            let hooks = Hooks::over(Arc::new(Fixed(addresses))).unwrap();
            let Sending::Again(why) = hooks.post(&call()).await else { panic!("{addresses:?} must not be reached") };
            assert!(why.contains("a webhook must lead to a public address"), "{addresses:?}: {why}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_nowhere_is_tried_again() {
        let hooks = Hooks::over(Arc::new(Fixed(&[]))).unwrap();
        assert!(matches!(hooks.post(&call()).await, Sending::Again(_)));
    }

    #[test]
    fn only_the_endpoints_own_word_is_final() {
        assert_eq!(judge(StatusCode::NO_CONTENT), Sending::Taken);
        assert!(matches!(judge(StatusCode::GONE), Sending::Gone(_)));
        for status in
            [StatusCode::FOUND, StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND, StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY]
        {
            assert!(matches!(judge(status), Sending::Again(_)), "{status}");
        }
    }
}
