//! As whom AWS is asked: as the AWS command line would ask, from the environment, a profile or single sign-on.

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::config::ProvideCredentials as _;

use crate::desk::Variables;

/// The environment, with region and credentials in it wherever they come from.
///
/// # Errors
/// A sentence about what to do, where nobody is signed in.
pub async fn environment() -> Result<Variables, String> {
    let mut variables: Variables = std::env::vars().collect();
    if ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].iter().all(|name| variables.contains_key(*name)) {
        return Ok(variables);
    }
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let region = config.region().ok_or("there is no AWS region: set AWS_REGION, or a region in the profile")?;
    let provider = config.credentials_provider().ok_or("there are no AWS credentials: sign in with `aws sso login` or set AWS_PROFILE")?;
    let credentials = provider.provide_credentials().await;
    let credentials = credentials.map_err(|error| {
        format!("there are no AWS credentials: sign in with `aws sso login` or set AWS_PROFILE ({})", crate::told(&error))
    })?;
    variables.insert("AWS_REGION".to_owned(), region.to_string());
    variables.insert("AWS_ACCESS_KEY_ID".to_owned(), credentials.access_key_id().to_owned());
    variables.insert("AWS_SECRET_ACCESS_KEY".to_owned(), credentials.secret_access_key().to_owned());
    match credentials.session_token() {
        Some(token) => variables.insert("AWS_SESSION_TOKEN".to_owned(), token.to_owned()),
        None => variables.remove("AWS_SESSION_TOKEN"),
    };
    Ok(variables)
}
