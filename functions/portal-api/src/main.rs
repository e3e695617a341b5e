//! The Lambda function behind the HTTP API.

use lambda_http::{Error, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    adapters::logs::start();
    let portal = portal_api::portal_from_environment().await?;
    run(portal_api::router(portal)).await
}
