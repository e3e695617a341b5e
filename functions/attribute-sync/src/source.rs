//! Pages from Graph, with a live access token and as the customer chose.

use adapters::Ports;
use adapters::graph::{GraphError, Page, Place, Scan};
use adapters::store::StoreError;
use adapters::store::connections::Connection;
use adapters::vault::{self, Binding, Purpose, VaultError};
use domain::api::HealthWord;
use domain::attribute::{AttributeName, Choice};
use domain::ids::ConnectionId;
use domain::person::Change;
use domain::walk::{Stage, Walk};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::step::StepError;

/// An access token that ends sooner than this is not used any more.
const TOKEN_SPARE: SignedDuration = SignedDuration::from_secs(60);
/// How long a connection is believed to be as it was read.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// Where a stretch gets its pages from.
pub(crate) struct Source<'a> {
    ports: &'a Ports,
    /// The connection, as it was read.
    pub(crate) connection: Connection,
    read_at: Timestamp,
    token: Option<(SecretString, Timestamp)>,
}

/// Why a stretch gets no pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dry {
    /// The connection is gone.
    Gone,
    /// It does not work, and its health says so.
    Broken {
        /// In one word.
        health: HealthWord,
        /// Since when.
        since: Timestamp,
    },
    /// There is no live access token.
    NoToken,
}

/// A page, as far as it is looked at before what is stored is known.
pub(crate) enum Fetched {
    /// Of a full round: entries with their fingerprints.
    Full(Page, Vec<Scan>),
    /// Of a delta: what its entries say.
    Delta(Page, Vec<Change>),
}

impl Fetched {
    pub(crate) fn page(&self) -> &Page {
        match self {
            Self::Full(page, _) | Self::Delta(page, _) => page,
        }
    }
}

/// What is asked of Graph throughout a round.
pub(crate) struct Question {
    /// Names for `$select`.
    select: Vec<String>,
    /// Goes into fingerprints: another choice, or an attribute left out because it fails, makes another.
    salt: String,
    is_full: bool,
}

impl Question {
    pub(crate) fn of(walk: &Walk, choice: &Choice) -> Self {
        let select: Vec<String> = choice.select(&walk.degraded).into_iter().map(str::to_owned).collect();
        let salt = format!("{} {}", choice.fingerprint(), select.join(","));
        Self { select, salt, is_full: walk.is_full }
    }

    pub(crate) fn select(&self) -> &[String] {
        &self.select
    }
}

impl<'a> Source<'a> {
    /// Reads the connection.
    pub(crate) async fn open(ports: &'a Ports, id: &ConnectionId) -> Result<Result<Self, Dry>, StoreError> {
        let Some(connection) = ports.store.connection(id).await? else {
            return Ok(Err(Dry::Gone));
        };
        match is_working(&connection) {
            true => Ok(Ok(Self { ports, connection, read_at: ports.clock.now(), token: None })),
            false => Ok(Err(Dry::Broken { health: connection.health(), since: connection.body.standing.since })),
        }
    }

    /// Makes sure that the connection still works and that there is a live token.
    pub(crate) async fn refresh(&mut self) -> Result<Result<(), Dry>, StepError> {
        let now = self.ports.clock.now();
        if now.duration_since(self.read_at) > LOOK_AGAIN {
            match Self::open(self.ports, &self.connection.id).await? {
                Ok(other) => (self.connection, self.read_at) = (other.connection, other.read_at),
                Err(dry) => return Ok(Err(dry)),
            }
        }
        if self.token.as_ref().is_none_or(|(_, until)| *until <= now + TOKEN_SPARE) {
            self.token = self.access_token(now).await?;
        }
        Ok(self.token.as_ref().map(|_| ()).ok_or(Dry::NoToken))
    }

    /// The live access token of the grant in use, opened, and until when it lives.
    async fn access_token(&self, now: Timestamp) -> Result<Option<(SecretString, Timestamp)>, StepError> {
        let Some(grant) = &self.connection.body.grant else {
            return Ok(None);
        };
        let tokens = self.ports.store.tokens_in(&self.connection.id, grant.current).await?;
        let Some(tokens) = tokens.filter(|tokens| tokens.access_until > now + TOKEN_SPARE) else {
            return Ok(None);
        };
        let binding = Binding::new(&self.connection.id, Purpose::AccessToken);
        let opened: Result<SecretString, VaultError> = vault::open_text(self.ports.vault.as_ref(), &binding, &tokens.access).await;
        Ok(Some((opened?, tokens.access_until)))
    }

    pub(crate) fn token(&self) -> Result<&SecretString, GraphError> {
        self.token.as_ref().map(|(token, _)| token).ok_or(GraphError::Unauthorized)
    }

    /// Whether Graph gives these attributes when it is asked for them together.
    pub(crate) async fn gives(&self, attributes: &[AttributeName]) -> Result<bool, GraphError> {
        self.ports.graph.gives(self.token()?, attributes, self.ports.clock.now()).await
    }

    /// Fetches the page that a walk in this stage wants next, and looks at its entries.
    pub(crate) async fn fetch(&self, stage: &Stage, question: &Question) -> Result<Fetched, GraphError> {
        let (token, now) = (self.token()?, self.ports.clock.now());
        let page = match stage {
            Stage::Listing { link, .. } => self.ports.graph.list(token, place_of(link.as_deref(), question), now).await?,
            Stage::Walking { link } => self.ports.graph.delta(token, place_of(link.as_deref(), question), now).await?,
            Stage::Resting | Stage::Marking | Stage::Sweeping { .. } | Stage::Removing { .. } | Stage::Releasing { .. } => {
                return Err(GraphError::PageTokenExpired);
            }
        };
        match question.is_full {
            true => {
                let scans = page.entries.iter().map(|entry| entry.scan(&question.salt)).collect::<Result<_, _>>();
                Ok(Fetched::Full(page, scans.map_err(GraphError::Unreadable)?))
            }
            false => {
                let changes = page.entries.iter().map(adapters::graph::Entry::read).collect::<Result<_, _>>();
                Ok(Fetched::Delta(page, changes.map_err(GraphError::Unreadable)?))
            }
        }
    }
}

fn place_of<'p>(link: Option<&'p str>, question: &'p Question) -> Place<'p> {
    link.map_or(Place::Beginning { select: &question.select }, Place::Link)
}

fn is_working(connection: &Connection) -> bool {
    matches!(connection.health(), HealthWord::Healthy | HealthWord::Expiring)
}
