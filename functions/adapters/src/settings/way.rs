//! The way to AWS, one for all of its clients.
//!
//! Left to themselves, each client sets up TLS when it is made, throws that away, and sets it up again at its first request, which is then
//! the first invocation's. Here it is set up once, at start, and connections are shared.

use std::time::Duration;

use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// The longest wait for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(3);

#[derive(Debug)]
struct Way(SharedHttpConnector);

impl HttpClient for Way {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.0.clone()
    }
}

/// Sets up TLS, with the certificates that the system trusts.
pub(super) fn open() -> SharedHttpClient {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_MAX).build();
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
    let connector = Connector::builder().connector_settings(settings).tls_provider(provider).build();
    SharedHttpClient::new(Way(SharedHttpConnector::new(connector)))
}
