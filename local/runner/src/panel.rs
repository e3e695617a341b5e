//! What the panel can let happen in a customer's directory.

use adapters::clock::Clock as _;
use anyhow::{Context as _, Result};
use domain::ids::{ConnectionId, CustomerId};
use entra_simulator::{Act, Reach, RetryAfter};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::passing;
use crate::world::World;

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// A button of the panel. Where a person is concerned, it is the one who consented, or else the first admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each one's sentence is in `Trouble::act`")]
pub enum Trouble {
    ResetPassword,
    RevokeSessions,
    RequireMfa,
    LiftMfa,
    RememberMfa14,
    ForgetMfa,
    #[serde(rename = "sign-in-frequency-7")]
    SignInFrequency7,
    #[serde(rename = "sign-in-frequency-14")]
    SignInFrequency14,
    LiftSignInFrequency,
    WithdrawConsent,
    DisableApp,
    EnableApp,
    Block,
    Unblock,
    DisableUser,
    EnableUser,
    DeleteUser,
    RestoreUser,
    ThrottleGraph,
    ChangeTitles,
    DeletePeople,
    AddPeople,
    ChangePhotos,
    ExpireDelta,
    ExpireSecret,
    RestoreSecret,
    CheckNow,
}

/// How long after a verdict that may be mistaken the grant is looked at again, and a little more.
const SECOND_LOOK: SignedDuration = SignedDuration::from_mins(13);

/// Tries a grant, and again as soon as a second verdict counts where the first one may be mistaken.
async fn try_now(world: &World, id: &ConnectionId) -> Result<&'static str> {
    world.ports.store.check_by(id, world.clock.now()).await?;
    passing::tick(world).await?;
    let connection = world.ports.store.connection(id).await?.context("the connection was just there")?;
    if connection.body.standing.doubted_since.is_none() {
        return Ok("The grant was tried");
    }
    passing::pass(world, world.clock.now() + SECOND_LOOK).await?;
    Ok("The grant was tried, and again a quarter of an hour later, because one refusal may be mistaken")
}

impl Trouble {
    /// Lets it happen; answers what happened, as a sentence.
    ///
    /// # Errors
    /// When the customer has no directory yet, or the simulator refuses.
    pub async fn happen(self, world: &World, customer: &CustomerId) -> Result<&'static str> {
        let tenant = world.tenant_of(customer).context("this customer's directory is still being made")?;
        let connections = world.ports.store.connections_of(customer).await?;
        let connection = connections.first();
        if self == Self::CheckNow {
            let connection = connection.context("this customer is not connected")?;
            return try_now(world, &connection.id).await;
        }
        let consenter = connection.and_then(|connection| connection.body.grant.as_ref()).map(|grant| grant.consenter.0);
        let user = consenter.or_else(|| tenant.admins.first().map(|admin| admin.id)).context("this customer has no admin")?;
        let (act, sentence) = self.act(user);
        world.tell_simulator_the_time();
        world.simulator.work(tenant.id, act)?;
        Ok(sentence)
    }

    fn act(self, user: Uuid) -> (Act, &'static str) {
        let frequency = |days: u64| Act::SignInFrequency { seconds: Some(days * DAY_SECONDS), enforced: true };
        let reach = Reach::ThisTenant;
        match self {
            Self::ResetPassword => (Act::ResetAdminPassword { user }, "The admin's password was reset"),
            Self::RevokeSessions => (Act::RevokeSessions { user }, "The admin's sessions were revoked"),
            Self::RequireMfa => (Act::RequireMfa { user }, "A second factor is required of the admin"),
            Self::LiftMfa => (Act::LiftMfa { user }, "A second factor is no longer required"),
            Self::RememberMfa14 => (Act::RememberMfaDays { days: Some(14) }, "Second factors are remembered for 14 days"),
            Self::ForgetMfa => (Act::RememberMfaDays { days: None }, "Second factors are remembered for ever"),
            Self::SignInFrequency7 => (frequency(7), "People must sign in again every 7 days"),
            Self::SignInFrequency14 => (frequency(14), "People must sign in again every 14 days"),
            Self::LiftSignInFrequency => (Act::SignInFrequency { seconds: None, enforced: false }, "The sign-in frequency was lifted"),
            Self::WithdrawConsent => (Act::WithdrawConsent, "The consent was withdrawn"),
            Self::DisableApp => (Act::DisableApp, "The enterprise app was disabled"),
            Self::EnableApp => (Act::EnableApp, "The enterprise app was enabled"),
            Self::Block => (Act::BlockByConditionalAccess { policy_id: None }, "A Conditional Access policy blocks the app"),
            Self::Unblock => (Act::LiftConditionalAccess, "The blocking policy was lifted"),
            Self::DisableUser => (Act::DisableUser { user }, "The admin's account was disabled"),
            Self::EnableUser => (Act::EnableUser { user }, "The admin's account was enabled"),
            Self::DeleteUser => (Act::DeleteUser { user }, "The admin's account was deleted"),
            Self::RestoreUser => (Act::RestoreUser { user }, "The admin's account was restored"),
            _ => self.act_on_service(reach),
        }
    }

    /// The rest: what concerns Graph, the people and our own credential.
    fn act_on_service(self, reach: Reach) -> (Act, &'static str) {
        match self {
            Self::ThrottleGraph => {
                (Act::ThrottleGraph { requests: 3, retry_after: RetryAfter::Seconds(10) }, "Graph throttles the next 3 requests")
            }
            Self::ChangeTitles => (Act::ChangeJobTitles { count: 20 }, "Twenty people got new job titles"),
            Self::DeletePeople => (Act::DeletePeople { count: 5 }, "Five people left"),
            Self::AddPeople => (Act::AddPeople { count: 10 }, "Ten people joined"),
            Self::ChangePhotos => (Act::ChangePhotos { count: 10 }, "Ten people chose other photos; they are looked at within a day"),
            Self::ExpireDelta => (Act::ExpireDeltaTokens, "Every delta token expired"),
            Self::ExpireSecret => (Act::ExpireSecret { reach }, "Our client secret expired"),
            _ => (Act::RestoreSecret { reach }, "Our client secret is accepted again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_button_of_the_page_is_known_here() {
        let page = include_str!("../portal/index.html");
        let names: Vec<&str> = page.split("data-act=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(names.len() > 20, "{names:?}");
        for name in names {
            let read: Result<Trouble, _> = serde_json::from_value(name.into());
            assert!(read.is_ok(), "{name}");
        }
    }

    #[test]
    fn the_last_button_is_the_one_that_heals_the_secret() {
        assert_eq!(Trouble::RestoreSecret.act(Uuid::nil()).0, Act::RestoreSecret { reach: Reach::ThisTenant });
    }
}
