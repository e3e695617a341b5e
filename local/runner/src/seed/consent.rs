//! A consent as the portal and the admin's browser would do it: over HTTP, by the API's own routes.

use std::time::Duration;

use adapters::clock::Clock as _;
use adapters::transport::{Network, Transport as _};
use anyhow::{Context as _, Result, bail};
use domain::api::{AttemptWord, BeginReconnect, ConnectionList, ConnectionStatus, HealthWord, ReconnectAttempt};
use domain::ids::{ConnectionId, CustomerId};
use http::{Method, Request};
use serde::de::DeserializeOwned;
use url::Url;

use crate::customers::Customer;
use crate::passing;
use crate::world::World;

/// How often the attempt's end is asked for.
const ASKS_MAX: u32 = 200;
const ASK_EVERY: Duration = Duration::from_millis(25);
/// How often the first sync is waited for.
const ROUNDS_MAX: u32 = 40;

/// Connects a customer, or reconnects it, and waits for its people. One that works already is only waited for.
pub(super) async fn connect(world: &World, customer: Customer) -> Result<()> {
    let id = customer.id().context("the customer's id is none")?;
    let client = Client { world, network: Network::connect()?, customer: id };
    let connection = client.connection().await?;
    if !matches!(connection.health, HealthWord::Healthy | HealthWord::Expiring) {
        client.consent(&connection.id).await?;
    }
    client.await_people(&connection.id).await
}

struct Client<'a> {
    world: &'a World,
    network: Network,
    customer: CustomerId,
}

impl Client<'_> {
    async fn connection(&self) -> Result<ConnectionStatus> {
        let list: ConnectionList = self.ask(Method::GET, "v1/connections", Vec::new()).await?;
        match list.connections.into_iter().next() {
            Some(connection) => Ok(connection),
            None => self.ask(Method::POST, "v1/connections", Vec::new()).await,
        }
    }

    async fn consent(&self, connection: &ConnectionId) -> Result<()> {
        let tenant = self.world.tenant_of(&self.customer).context("the customer has no tenant")?;
        let admin = tenant.admins.first().context("the tenant has no admin")?;
        let begin = BeginReconnect { connection: connection.clone(), return_url: None, choose_account: false, access: None, spare: false };
        let begun: ReconnectAttempt = self.ask(Method::POST, "v1/reconnect-attempts", serde_json::to_vec(&begin)?).await?;
        let url: Url = begun.authorize_url.context("the attempt has no sign-in page")?.parse()?;
        self.world.tell_simulator_the_time();
        let back = self.world.simulator.accept(&url, (tenant.id, admin.id))?;
        self.network.send(Request::get(back.as_str()).body(Vec::new())?).await?;
        for _ in 0..ASKS_MAX {
            let attempt: ReconnectAttempt = self.ask(Method::GET, &format!("v1/reconnect-attempts/{}", begun.id), Vec::new()).await?;
            match attempt.state {
                AttemptWord::Succeeded => return Ok(()),
                AttemptWord::Pending | AttemptWord::Verifying => tokio::time::sleep(ASK_EVERY).await,
                AttemptWord::Failed | AttemptWord::Expired | AttemptWord::Superseded => {
                    bail!("the consent did not succeed: {}", attempt.failure.map_or_else(String::new, |failure| failure.sentence));
                }
            }
        }
        bail!("the consent did not end in time")
    }

    async fn await_people(&self, connection: &ConnectionId) -> Result<()> {
        let store = &self.world.ports.store;
        for _ in 0..ROUNDS_MAX {
            passing::catch_up(self.world).await?;
            let walk = store.walk(connection).await?;
            if walk.is_some_and(|(walk, _)| walk.completed_at.is_some() && !walk.is_under_way()) {
                return Ok(());
            }
            store.hasten_walk(connection, self.world.clock.now()).await?;
            tokio::time::sleep(ASK_EVERY).await;
        }
        bail!("the first sync did not end in time")
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Vec<u8>) -> Result<T> {
        let url = self.world.addresses.api.join(path)?;
        let token = self.world.signer.mint(&self.customer, self.world.clock.now())?;
        let request = Request::builder().method(method).uri(url.as_str()).header("authorization", format!("Bearer {token}"));
        let answer = self.network.send(request.header("content-type", "application/json").body(body)?).await?;
        if !answer.status().is_success() {
            bail!("{path} answered {}: {}", answer.status(), String::from_utf8_lossy(answer.body()));
        }
        serde_json::from_slice(answer.body()).with_context(|| format!("{path} answered something else than it promised"))
    }
}
