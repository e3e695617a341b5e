//! The clients of AWS: where it is, and as whom we speak to it.

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use secrecy::SecretString;

use super::{Environment, way};

/// Where AWS is, and as whom we speak to it. Credentials are those of the environment, which Lambda keeps fresh: no chain of providers
/// has to be tried at start.
#[derive(Clone)]
pub struct Aws {
    region: String,
    endpoint: Option<String>,
    access_key_id: String,
    secret_access_key: SecretString,
    session_token: Option<SecretString>,
    http: SharedHttpClient,
}

impl Aws {
    /// Reads it from what Lambda sets; `None` where something is missing, which is noted.
    pub fn read(environment: &mut Environment<impl Fn(&str) -> Option<String>>) -> Option<Self> {
        let region = environment.required("AWS_REGION");
        let access_key_id = environment.required("AWS_ACCESS_KEY_ID");
        let secret_access_key = environment.required("AWS_SECRET_ACCESS_KEY");
        let is_complete = ![&region, &access_key_id, &secret_access_key].iter().any(|value| value.is_empty());
        is_complete.then(|| Self {
            region,
            endpoint: environment.optional("AWS_ENDPOINT_URL"),
            access_key_id,
            secret_access_key: secret_access_key.into(),
            session_token: environment.optional("AWS_SESSION_TOKEN").map(SecretString::from),
            http: way::open(),
        })
    }

    /// A stand-in on this machine, which takes any credentials.
    #[must_use]
    pub fn stand_in(endpoint: &str) -> Self {
        Self {
            region: "local".to_owned(),
            endpoint: Some(endpoint.to_owned()),
            access_key_id: "local".to_owned(),
            secret_access_key: "local".to_owned().into(),
            session_token: None,
            http: way::open(),
        }
    }
}

impl Aws {
    /// Where one of its services answers: a stand-in answers for all.
    #[must_use]
    pub fn address(&self, service: &str) -> String {
        let suffix = if self.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        self.endpoint.clone().unwrap_or_else(|| format!("https://{service}.{}.{suffix}/", self.region))
    }

    /// Whether it is a stand-in.
    #[must_use]
    pub fn is_stand_in(&self) -> bool {
        self.endpoint.is_some()
    }

    /// The configuration of S3's client. A stand-in has no host name for each bucket.
    #[must_use]
    pub fn s3(&self) -> aws_sdk_s3::Config {
        self.bucketed().to_builder().force_path_style(self.endpoint.is_some()).build()
    }
}

impl Aws {
    /// The configuration of SES's client, which tries once: a mail that is sent again is a second mail.
    #[must_use]
    pub fn mails(&self) -> aws_sdk_sesv2::Config {
        self.sesv2().to_builder().retry_config(aws_sdk_sesv2::config::retry::RetryConfig::disabled()).build()
    }
}

macro_rules! service {
    ($name:ident, $crate_name:ident) => {
        impl Aws {
            /// The configuration of one service's client: a total deadline below every lease, and few retries inside it.
            #[must_use]
            pub fn $name(&self) -> $crate_name::Config {
                use secrecy::ExposeSecret as _;
                use $crate_name::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig, timeout::TimeoutConfig};
                let token = self.session_token.as_ref().map(|token| token.expose_secret().to_owned());
                let credentials = Credentials::new(&self.access_key_id, self.secret_access_key.expose_secret(), token, None, "environment");
                let timeouts = TimeoutConfig::builder()
                    .operation_timeout(std::time::Duration::from_secs(10))
                    .operation_attempt_timeout(std::time::Duration::from_secs(4))
                    .build();
                let mut builder = $crate_name::Config::builder()
                    .behavior_version(BehaviorVersion::latest())
                    .region(Region::new(self.region.clone()))
                    .credentials_provider(credentials)
                    .http_client(self.http.clone())
                    .retry_config(RetryConfig::standard().with_max_attempts(3))
                    .timeout_config(timeouts);
                builder.set_endpoint_url(self.endpoint.clone());
                builder.build()
            }
        }
    };
}

service!(dynamodb, aws_sdk_dynamodb);
service!(eventbridge, aws_sdk_eventbridge);
service!(kms, aws_sdk_kms);
service!(bucketed, aws_sdk_s3);
service!(sesv2, aws_sdk_sesv2);
service!(sqs, aws_sdk_sqs);
service!(sts, aws_sdk_sts);
