//! Building a world and looking at it, from Rust.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::acts::{Act, ActError, perform};
use crate::directory::{Directory, Presence, Role};
use crate::moment;
use crate::people;
use crate::photos::PhotoPlace;
use crate::registration::{App, CredentialState};
use crate::state::{Registered, Tenant};
use crate::{Simulator, TenantId};

/// A user to add; what is `None` is never set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSeed {
    /// The name people see.
    pub display_name: String,
    /// The name the user signs in with; its domain need not be the tenant's.
    pub user_principal_name: String,
    /// The e-mail address.
    #[serde(default)]
    pub mail: Option<String>,
    /// The job title.
    #[serde(default)]
    pub job_title: Option<String>,
    /// The department.
    #[serde(default)]
    pub department: Option<String>,
    /// Whether the user may grant admin consent.
    #[serde(default)]
    pub role: Role,
}

/// A tenant at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TenantSummary {
    /// The tenant's GUID.
    pub id: TenantId,
    /// The organisation's name.
    pub name: String,
    /// The verified domain.
    pub domain: String,
    /// False after it was removed.
    pub exists: bool,
    /// People who are there.
    pub people: usize,
    /// Those who may grant admin consent.
    pub admins: Vec<AccountSummary>,
}

/// A user who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountSummary {
    /// The object id.
    pub id: Uuid,
    /// The name people see.
    pub display_name: String,
    /// The name the user signs in with.
    pub user_principal_name: String,
}

impl Simulator {
    /// Registers an app, or replaces the registration with the same client id.
    pub fn add_app(&self, app: App) {
        let credential = CredentialState::default();
        self.change(|state| state.apps.insert(app.client_id, Registered { app, credential }));
    }

    /// Adds an empty tenant; its domain is derived from the name.
    pub fn add_tenant(&self, name: &str) -> TenantId {
        self.change(|state| {
            let id = state.chance.guid();
            let label: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
            let label = if label.is_empty() { id.simple().to_string() } else { label };
            let is_taken = state.tenants.values().any(|tenant| tenant.domain == format!("{label}.example"));
            let domain = match is_taken {
                true => format!("{label}-{}.example", &id.simple().to_string()[..8]),
                false => format!("{label}.example"),
            };
            state.tenants.insert(id, Tenant::empty(id, name, domain));
            id
        })
    }

    /// Adds a user; nothing is added to a tenant that is not there.
    pub fn add_user(&self, tenant: Uuid, seed: UserSeed) -> Uuid {
        self.change(|state| {
            let id = state.chance.guid();
            let now = state.now;
            if let Some(world) = state.tenants.get_mut(&tenant) {
                let optional = [("mail", seed.mail), ("jobTitle", seed.job_title), ("department", seed.department)];
                let mut properties = Map::new();
                properties.insert("displayName".to_owned(), json!(seed.display_name));
                properties.insert("userPrincipalName".to_owned(), json!(seed.user_principal_name));
                properties.insert("accountEnabled".to_owned(), json!(true));
                properties.insert("businessPhones".to_owned(), json!([]));
                properties.insert("createdDateTime".to_owned(), json!(moment::graph(now)));
                if seed.role == Role::Guest {
                    properties.insert("userType".to_owned(), json!("Guest"));
                }
                properties.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))));
                world.directory.add(id, seed.role, properties);
            }
            id
        })
    }

    /// Adds people as a real directory has them: many scripts, long titles, missing fields, managers.
    pub fn add_people(&self, tenant: Uuid, count: u32) -> Vec<Uuid> {
        self.change(|state| people::add(state, tenant, count))
    }

    /// Gives a user a photo that is kept in a mailbox; its bytes are these in every size.
    pub fn give_photo(&self, tenant: Uuid, user: Uuid, jpeg: &[u8]) {
        let image = Some(STANDARD.encode(jpeg));
        // Nothing is given to somebody who is not there.
        let _ = self.work(tenant, Act::GivePhoto { user, image, side: None, place: PhotoPlace::Mailbox });
    }

    /// A user's photo in a mailbox's size of so many pixels, or in its own; `None` where there is none.
    pub fn photo(&self, tenant: Uuid, user: Uuid, side: Option<u32>) -> Option<Vec<u8>> {
        self.read(|state| {
            let photo = state.tenants.get(&tenant)?.photos.get(&user)?;
            Some(photo.bytes(side.map_or(photo.side, |side| side.min(photo.side))))
        })
    }

    /// Lets something happen in a tenant; answers which users it touched.
    ///
    /// # Errors
    ///
    /// When the tenant or a user is not there, or a property cannot be set; nothing has happened then.
    pub fn work(&self, tenant: Uuid, act: Act) -> Result<Vec<Uuid>, ActError> {
        self.attempt(|state| perform(state, tenant, act))
    }

    /// Every tenant, ordered by id.
    pub fn tenants(&self) -> Vec<TenantSummary> {
        self.read(|state| state.tenants.values().map(summary).collect())
    }

    /// The apps registered.
    pub fn apps(&self) -> Vec<App> {
        self.read(|state| state.apps.values().map(|registered| registered.app.clone()).collect())
    }

    /// How many people are in a tenant now; none in one that is not there.
    pub fn people_count(&self, tenant: Uuid) -> usize {
        self.read(|state| state.tenants.get(&tenant).map_or(0, |world| world.directory.present().count()))
    }

    /// The people of a tenant now, as Graph would show every property ever set, with `manager` as an object with an id;
    /// ordered by id.
    pub fn directory(&self, tenant: Uuid) -> Vec<Value> {
        self.read(|state| {
            let mut people = state.tenants.get(&tenant).map(|world| whole(&world.directory)).unwrap_or_default();
            people.sort_by(|one, other| one["id"].as_str().cmp(&other["id"].as_str()));
            people
        })
    }

    /// One person as in [`Simulator::directory`]; `None` when not there or deleted.
    pub fn person(&self, tenant: Uuid, user: Uuid) -> Option<Value> {
        self.read(|state| {
            let directory = &state.tenants.get(&tenant)?.directory;
            let person = directory.person(user).filter(|person| person.presence == Presence::Present)?;
            Some(object(person))
        })
    }
}

fn whole(directory: &Directory) -> Vec<Value> {
    directory.present().map(object).collect()
}

fn object(person: &crate::directory::Person) -> Value {
    let mut object = person.object(|_, _| true);
    if let Some(manager) = person.manager() {
        object.insert("manager".to_owned(), json!({"id": manager}));
    }
    Value::Object(object)
}

fn summary(tenant: &Tenant) -> TenantSummary {
    let admins = tenant.directory.present().filter(|person| person.role == Role::Admin).map(|person| AccountSummary {
        id: person.id,
        display_name: person.text("displayName").to_owned(),
        user_principal_name: person.text("userPrincipalName").to_owned(),
    });
    TenantSummary {
        id: tenant.id,
        name: tenant.name.clone(),
        domain: tenant.domain.clone(),
        exists: tenant.exists,
        people: tenant.directory.present().count(),
        admins: admins.collect(),
    }
}
