//! A scriptable stand-in for Microsoft Entra ID and Microsoft Graph.
//!
//! It serves the sign-in, consent and token endpoints of an identity provider and the directory behind it, in one router,
//! from one deterministic world: the clock is set by hand, every random draw comes from a seed, and the whole state can be
//! saved and loaded. What happens in the world is scripted by [`Act`]s, from Rust or over HTTP.
//!
//! Map, in the order a connection lives: [`registration`](App) (the app), `authorize`, `signin`, `consent` and `pages` (the admin's
//! browser), `token` (grants, evaluated step by step), `refusal` (how no is said), `graph`, `delta` and `directory` (the
//! people), `licenses`, `photos` (theirs), `acts` and `faults` (what goes wrong), `control` (the same over HTTP), `people` and
//! `portrait` (a directory that looks real).
//!
//! Deliberately absent: other clouds, device and on-behalf-of flows, sessions and single sign-on, groups, writing
//! through Graph, change notifications, and anything that needs a real password.
//!
//! To add an error code: a row in `refusal`'s table with its source, the check in `token::policy`, an [`Act`] that brings it
//! about, a test, and a line in the README.

mod acts;
mod authorize;
mod chance;
mod consent;
mod control;
mod delta;
mod directory;
mod faults;
mod graph;
mod keys;
mod licenses;
mod metadata;
mod moment;
mod pages;
mod people;
mod photos;
mod portrait;
mod recorder;
mod refusal;
mod registration;
mod sealed;
mod shortcut;
mod signin;
mod state;
mod token;
mod world;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::middleware;
use axum::routing::{any, get, post};
use jiff::Timestamp;
use serde_json::Value;
use thiserror::Error;
use tower_http::compression::CompressionLayer;
use url::Url;
use uuid::Uuid;

pub use acts::{Act, ActError, Reach};
pub use directory::Role;
pub use faults::{Fault, ItemFault, PropertyRefusal, RetryAfter, Target};
pub use photos::PhotoPlace;
pub use recorder::RecordedRequest;
pub use registration::{App, FederatedCredential, Platform, RedirectUri, Secret};
pub use shortcut::ShortcutError;
pub use world::{AccountSummary, TenantSummary, UserSeed};

use state::State;

/// A tenant is named by its GUID.
pub type TenantId = Uuid;

/// Where the simulator is reached and what it begins with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The root of the login host, such as `https://login.microsoftonline.com/`.
    pub login_base: Url,
    /// The root of the Graph host, such as `https://graph.microsoft.com/`.
    pub graph_base: Url,
    /// Where every random draw comes from.
    pub seed: u64,
    /// What the clock shows at first.
    pub start: Timestamp,
}

/// A saved world that cannot be loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The saved value does not have the shape of a world.
    #[error("the saved world cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// The saved signing key is none.
    #[error("the saved world's signing key is not an RSA key")]
    SigningKey,
}

type Hook = Arc<dyn Fn(&Simulator) + Send + Sync>;

struct Inner {
    settings: Settings,
    state: Mutex<State>,
    requests: Mutex<VecDeque<RecordedRequest>>,
    hooks: Mutex<Vec<Hook>>,
}

/// The simulated Entra ID and Graph; clones share one world.
#[derive(Clone)]
pub struct Simulator(Arc<Inner>);

impl Simulator {
    /// An empty world.
    pub fn new(settings: Settings) -> Self {
        let state = State::empty(settings.seed, settings.start);
        Self::holding(settings, state)
    }

    /// A world as it was saved, with its clock where it stood or at `settings.start` if that is later.
    ///
    /// # Errors
    ///
    /// When `saved` is not what [`Simulator::save`] gave.
    pub fn load(settings: Settings, saved: Value) -> Result<Self, LoadError> {
        let mut state: State = serde_json::from_value(saved).map_err(LoadError::Unreadable)?;
        if !state.signing_key.is_usable() {
            return Err(LoadError::SigningKey);
        }
        state.reindex();
        state.now = state.now.max(settings.start);
        Ok(Self::holding(settings, state))
    }

    /// The whole world as JSON; tokens and links given out stay valid in a world loaded from it.
    pub fn save(&self) -> Value {
        self.read(|state| serde_json::to_value(&*state).expect("a world is maps with text keys, which serialise to JSON"))
    }

    /// Calls `hook` after every change that [`Simulator::save`] would show, so that a host can persist it. Issued tokens,
    /// used-up faults and the clock are no such changes.
    pub fn on_change(&self, hook: impl Fn(&Simulator) + Send + Sync + 'static) {
        lock(&self.0.hooks).push(Arc::new(hook));
    }

    /// The login endpoints, Graph and the control plane, told apart by path alone.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/{tenant}/oauth2/v2.0/authorize", get(authorize::serve).post(authorize::serve_form))
            .route("/{tenant}/v2.0/adminconsent", get(consent::serve))
            .route("/{tenant}/adminconsent", get(consent::serve_registered))
            .route("/{tenant}/signin", post(signin::serve))
            .route("/{tenant}/oauth2/v2.0/token", any(token::serve))
            .route("/{tenant}/oauth2/v2.0/logout", get(pages::signed_out).post(pages::signed_out))
            .route("/{tenant}/v2.0/.well-known/openid-configuration", get(metadata::discovery))
            .route("/{tenant}/discovery/v2.0/keys", get(metadata::keys))
            .route("/error", get(pages::error_lookup))
            .route("/v1.0/{*path}", any(graph::serve).layer(CompressionLayer::new()))
            .nest("/_simulator", control::routes())
            .layer(middleware::from_fn_with_state(self.clone(), recorder::record))
            .with_state(self.clone())
    }

    /// What the simulator's clock shows; it moves only by [`Simulator::set_now`].
    pub fn now(&self) -> Timestamp {
        self.read(|state| state.now)
    }

    /// Sets the only clock there is.
    pub fn set_now(&self, now: Timestamp) {
        self.read(|state| state.now = now);
    }

    /// The latest requests, oldest first; at most 10,000 are remembered, and requests to the control plane are not.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.0.requests).iter().cloned().collect()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        lock(&self.0.requests).clear();
    }

    fn holding(settings: Settings, state: State) -> Self {
        let (state, requests, hooks) = (Mutex::new(state), Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { settings, state, requests, hooks }))
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn remember(&self, request: RecordedRequest) {
        if !request.path.starts_with("/_simulator") {
            recorder::push(&mut lock(&self.0.requests), request);
        }
    }

    /// Looks at the world, or changes it in a way no host needs to persist.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut lock(&self.0.state))
    }

    /// Changes the world and tells the hooks, after the change is done and the world is free again.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = self.read(change);
        self.tell();
        changed
    }

    /// Like [`Simulator::change`] for what may be refused; the hooks do not hear of that.
    pub(crate) fn attempt<T, E>(&self, change: impl FnOnce(&mut State) -> Result<T, E>) -> Result<T, E> {
        let changed = self.read(change)?;
        self.tell();
        Ok(changed)
    }

    /// Tells the hooks that the world changed.
    pub(crate) fn tell(&self) {
        let hooks: Vec<Hook> = lock(&self.0.hooks).clone();
        hooks.iter().for_each(|hook| hook(self));
    }
}

/// A panic in one test's hook must not hide behind a poisoned lock in another.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
