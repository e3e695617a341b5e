//! Everything a world is made of; what is here is what a saved world holds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::chance::Chance;
use crate::directory::Directory;
use crate::faults::Faults;
use crate::keys::SigningKey;
use crate::moment;
use crate::photos::Photo;
use crate::registration::{App, CredentialState};
use crate::sealed::Seal;

/// How long a redeemed code is remembered; longer than a code lives.
const REDEEMED_CODES_KEPT: SignedDuration = SignedDuration::from_mins(15);

/// The whole world.
#[derive(Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) now: Timestamp,
    pub(crate) chance: Chance,
    pub(crate) seal: Seal,
    pub(crate) signing_key: SigningKey,
    pub(crate) apps: BTreeMap<Uuid, Registered>,
    pub(crate) tenants: BTreeMap<Uuid, Tenant>,
    /// When each authorization code was redeemed.
    redeemed: BTreeMap<Uuid, Timestamp>,
    /// When an old refresh token was last used again.
    last_used: BTreeMap<Uuid, Timestamp>,
}

impl State {
    /// An empty world.
    pub(crate) fn empty(seed: u64, start: Timestamp) -> Self {
        let mut chance = Chance::seeded(seed);
        let seal = Seal::from_draws(|| chance.draw());
        Self {
            now: start,
            chance,
            seal,
            signing_key: SigningKey::of_this_process(),
            apps: BTreeMap::new(),
            tenants: BTreeMap::new(),
            redeemed: BTreeMap::new(),
            last_used: BTreeMap::new(),
        }
    }

    /// Rebuilds what is not saved.
    pub(crate) fn reindex(&mut self) {
        for tenant in self.tenants.values_mut() {
            tenant.directory.reindex();
        }
    }

    /// The tenant a path segment names, by GUID or by domain, whether it still exists or not.
    pub(crate) fn tenant_named(&self, name: &str) -> Option<&Tenant> {
        match name.parse::<Uuid>() {
            Ok(id) => self.tenants.get(&id),
            Err(_) => self.tenants.values().find(|tenant| tenant.domain == name),
        }
    }

    /// The tenant a user principal name belongs to.
    pub(crate) fn tenant_of_login(&self, login: &str) -> Option<(Uuid, Uuid)> {
        self.tenants.values().filter(|tenant| tenant.exists).find_map(|tenant| {
            let mut people = tenant.directory.present();
            let person = people.find(|person| person.text("userPrincipalName").eq_ignore_ascii_case(login.trim()))?;
            Some((tenant.id, person.id))
        })
    }

    /// Marks a code as redeemed; false when it already was.
    pub(crate) fn redeem(&mut self, code: Uuid) -> bool {
        let now = self.now;
        self.redeemed.retain(|_, at| moment::age(now, *at) < REDEEMED_CODES_KEPT);
        self.redeemed.insert(code, now).is_none()
    }

    /// Notes that a refresh token was used now.
    pub(crate) fn note_use(&mut self, refresh_token: Uuid, lifetime: SignedDuration) {
        let now = self.now;
        if self.last_used.len() >= LAST_USES_MAX {
            self.last_used.retain(|_, at| moment::age(now, *at) < lifetime);
        }
        if self.last_used.len() < LAST_USES_MAX {
            self.last_used.insert(refresh_token, now);
        }
    }

    /// When a refresh token was last used, if ever.
    pub(crate) fn last_use(&self, refresh_token: Uuid) -> Option<Timestamp> {
        self.last_used.get(&refresh_token).copied()
    }
}

/// Above this many remembered uses, a token's inactivity counts from its issue again.
const LAST_USES_MAX: usize = 50_000;

/// An app registration with what happened to it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Registered {
    pub(crate) app: App,
    pub(crate) credential: CredentialState,
}

/// One directory with its policies and its troubles.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Tenant {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) exists: bool,
    /// What goes wrong with the client's credential in this tenant alone.
    pub(crate) credential: CredentialState,
    pub(crate) policies: Policies,
    pub(crate) service_principals: BTreeMap<Uuid, ServicePrincipal>,
    pub(crate) directory: Directory,
    /// Photos, by person.
    pub(crate) photos: BTreeMap<Uuid, Photo>,
    /// How many photos were ever given.
    #[serde(default)]
    pub(crate) photo_changes: u64,
    /// Whether photos may not be read, whatever was consented to.
    #[serde(default)]
    pub(crate) denies_photos: bool,
    /// Whether a photo that is not there is told as one of a single pixel.
    #[serde(default)]
    pub(crate) has_placeholder_photos: bool,
    /// Whether a batch of which an item was throttled fails as a whole.
    #[serde(default)]
    pub(crate) fails_throttled_batches: bool,
    pub(crate) delta: DeltaBehaviour,
    pub(crate) faults: Faults,
}

impl Tenant {
    /// An empty directory.
    pub(crate) fn empty(id: Uuid, name: &str, domain: String) -> Self {
        Self {
            id,
            name: name.to_owned(),
            domain,
            exists: true,
            credential: CredentialState::default(),
            policies: Policies::default(),
            service_principals: BTreeMap::new(),
            directory: Directory::default(),
            photos: BTreeMap::new(),
            photo_changes: 0,
            denies_photos: false,
            has_placeholder_photos: false,
            fails_throttled_batches: false,
            delta: DeltaBehaviour::default(),
            faults: Faults::default(),
        }
    }
}

/// What the tenant's admins demand of sign-ins.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Policies {
    /// Source: <https://learn.microsoft.com/en-us/entra/identity/authentication/howto-mfa-mfasettings>
    pub(crate) remember_mfa_days: Option<u32>,
    pub(crate) sign_in_frequency_seconds: Option<u64>,
    /// Source: <https://learn.microsoft.com/en-us/entra/identity/conditional-access/concept-session-lifetime>
    pub(crate) defers_sign_in_frequency: bool,
    /// The conditional access policy that blocks this app.
    pub(crate) blocked_by: Option<Uuid>,
}

impl Default for Policies {
    fn default() -> Self {
        Self { remember_mfa_days: None, sign_in_frequency_seconds: None, defers_sign_in_frequency: true, blocked_by: None }
    }
}

/// An app's presence in a tenant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ServicePrincipal {
    pub(crate) is_disabled: bool,
    pub(crate) requires_assignment: bool,
    pub(crate) assigned: BTreeSet<Uuid>,
    /// Delegated permissions granted for everybody.
    pub(crate) delegated: BTreeSet<String>,
    /// Delegated permissions single users granted for themselves.
    pub(crate) delegated_by_user: BTreeMap<Uuid, BTreeSet<String>>,
    /// Application permissions.
    pub(crate) roles: BTreeSet<String>,
}

impl ServicePrincipal {
    /// Whether a delegated permission is granted, for everybody or by this user.
    pub(crate) fn has_delegated(&self, user: Uuid, permission: &str) -> bool {
        let by_user = self.delegated_by_user.get(&user).is_some_and(|granted| granted.contains(permission));
        by_user || self.delegated.contains(permission)
    }

    /// Takes every permission away.
    pub(crate) fn withdraw(&mut self) {
        self.delegated.clear();
        self.delegated_by_user.clear();
        self.roles.clear();
    }
}

/// How this tenant's delta walks behave.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DeltaBehaviour {
    pub(crate) page_size: usize,
    /// People on a page of the list, where it is less than what is asked for.
    #[serde(default)]
    pub(crate) list_size: Option<usize>,
    /// Whether `$deltatoken=latest` is refused.
    #[serde(default)]
    pub(crate) refuses_marks: bool,
    /// Empty pages still to be served.
    pub(crate) empty_pages: u32,
    /// Answers whose nextLink still points to a foreign host.
    pub(crate) foreign_links: u32,
    pub(crate) repeats_people: bool,
    pub(crate) shuffles_pages: bool,
    pub(crate) removed_in_first_round: bool,
    pub(crate) echoes_extensions: bool,
    /// Changes after this number stay hidden for this many more polls.
    pub(crate) lag: Option<(u64, u32)>,
    /// Delta tokens of an earlier generation have expired.
    pub(crate) delta_generation: u32,
    /// Links of an earlier generation lead to a reset.
    pub(crate) reset_generation: u32,
    /// Skip tokens of an earlier generation have expired.
    pub(crate) skip_generation: u32,
}

impl Default for DeltaBehaviour {
    fn default() -> Self {
        Self {
            page_size: 200,
            list_size: None,
            refuses_marks: false,
            empty_pages: 0,
            foreign_links: 0,
            repeats_people: false,
            shuffles_pages: false,
            removed_in_first_round: false,
            echoes_extensions: false,
            lag: None,
            delta_generation: 0,
            reset_generation: 0,
            skip_generation: 0,
        }
    }
}
