//! More than one customer, tenant and administrator.

use std::sync::Arc;

use adapters::clock::Clock as _;
use domain::ids::ConnectionId;
use entra_simulator::Role;
use jiff::SignedDuration;
use serde_json::{Value, json};
use token_check::{Plan, Report};
use url::Url;
use uuid::Uuid;

use super::{World, person};

/// How long a tick may last.
const TICK: SignedDuration = SignedDuration::from_secs(300);

/// One customer among many, with a tenant of its own.
#[derive(Debug, Clone)]
pub struct Member {
    /// The operator's name for it.
    pub customer: String,
    /// Its tenant.
    pub tenant: Uuid,
    /// Who consented.
    pub admin: Uuid,
    /// Its connection.
    pub id: ConnectionId,
}

impl World {
    /// Another administrator of the customer's tenant.
    #[must_use]
    pub fn add_admin(&self, name: &str) -> Uuid {
        self.simulator.add_user(self.tenant, person(name, Role::Admin))
    }

    /// As many customers, each with a tenant and a connection that its administrator consented to.
    pub async fn fleet(&self, count: usize) -> Vec<Member> {
        let mut members = Vec::with_capacity(count);
        for number in 0..count {
            let tenant = self.simulator.add_tenant(&format!("Tenant {number}"));
            let admin = self.simulator.add_user(tenant, person(&format!("Admin{number}"), Role::Admin));
            let customer = format!("customer-{number}");
            let id = self.connect_as(&customer, (tenant, admin)).await;
            members.push(Member { customer, tenant, admin, id });
        }
        members
    }

    /// A connection of a customer that somebody consented to; nothing is synced yet.
    ///
    /// # Panics
    /// When the API or Entra refuses.
    pub async fn connect_as(&self, customer: &str, account: (Uuid, Uuid)) -> ConnectionId {
        let id = self.create(customer).await;
        let begun = self.call(customer, "POST", "/v1/reconnect-attempts", Some(&json!({"connection": id}))).await.json();
        let url: Option<Url> = begun["authorize_url"].as_str().and_then(|url| url.parse().ok());
        let back = self.simulator.accept(&url.expect("a URL"), account).expect("the account may accept");
        self.come_back(&back).await;
        assert_eq!(self.status_of(customer, &id).await["health"], "healthy");
        id
    }

    /// A customer's connection as the API tells it.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn status_of(&self, customer: &str, id: &ConnectionId) -> Value {
        let answer = self.call(customer, "GET", &format!("/v1/connections/{id}"), None).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// One tick of the checks by this plan.
    ///
    /// # Panics
    /// When the tick fails as a whole.
    pub async fn tick_with(&self, plan: &Plan) -> Report {
        token_check::tick(&self.ports, plan, self.now() + TICK).await.expect("the tick finds what is due")
    }

    /// From now on every answer of the token endpoint takes so long.
    pub fn slow_down(&self, time: SignedDuration) {
        let (clock, simulator) = (Arc::clone(&self.clock), self.simulator.clone());
        self.wire.bend(move |uri, _| {
            if uri.path().ends_with("/token") {
                clock.set(clock.now() + time);
                simulator.set_now(clock.now());
            }
        });
    }
}
