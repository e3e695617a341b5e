//! Consent attempts: from the click to the verdict. They expire by TTL; an expired one that DynamoDB has not deleted yet is expired all
//! the same. Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html>

use domain::ids::{AttemptId, ConnectionId, CustomerId, TenantId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::item::{Item, Reader, VERSION, bytes, expiry, json, number, text};
use super::{Store, StoreError, connection_key, failed};

/// How long an ended attempt can still be asked about.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// One try to consent.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Its id, which the widget polls.
    pub id: AttemptId,
    /// How it stands.
    pub progress: Progress,
    /// What it was begun with; never changes.
    pub terms: Terms,
    /// PKCE's verifier, sealed.
    pub sealed_verifier: Vec<u8>,
}

/// What an attempt was begun with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Which connection it repairs.
    pub connection: ConnectionId,
    /// Whose.
    pub customer: CustomerId,
    /// The only tenant that may come back; any, where the connection has none yet.
    pub tenant: Option<TenantId>,
    /// What the consent is for.
    pub aim: Aim,
    /// SHA-256 of the secret half of `state`, as base64url.
    pub state_hash: String,
    /// The nonce that the id_token must repeat.
    pub nonce: String,
    /// Where to lead the browser afterwards; none for a popup.
    pub return_url: Option<String>,
    /// The origin of the portal page that began it, for the popup's message.
    pub origin: Option<String>,
    /// When it began.
    pub began_at: Timestamp,
    /// Until when the callback may come.
    pub expires_at: Timestamp,
}

/// What a consent is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    /// A person's grant, to be used from now on.
    Delegated,
    /// A person's grant, to be kept in reserve.
    Spare,
    /// The app's own permission, to be used from now on.
    AppOnly,
}

/// How an attempt stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Progress {
    /// The callback has not come.
    Pending,
    /// The callback came, once; the candidate is being verified.
    Verifying,
    /// The new grant is in use.
    Succeeded,
    /// Nothing was changed.
    Failed {
        /// A word for programs.
        reason: String,
        /// A sentence for people.
        sentence: String,
    },
    /// Withdrawn, or replaced by a newer attempt.
    Superseded,
}

impl Progress {
    fn word(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Verifying => "verifying",
            Self::Succeeded => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Superseded => "superseded",
        }
    }
}

fn key(id: &AttemptId) -> String {
    format!("attempt#{id}")
}

impl Store {
    /// Stores a new attempt, and makes it the one that counts for its connection.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_attempt(&self, attempt: &Attempt) -> Result<(), StoreError> {
        let kept_until = expiry(attempt.terms.expires_at + KEPT);
        let request = self.client.put_item().table_name(&self.connections);
        let request = request
            .item("pk", text(key(&attempt.id)))
            .item("sk", text("attempt"))
            .item("v", number(VERSION))
            .item("progress_word", text(attempt.progress.word()))
            .item("progress", json(&attempt.progress)?)
            .item("body", json(&attempt.terms)?)
            .item("sealed", bytes(attempt.sealed_verifier.clone()))
            .item("expires_at", kept_until.clone())
            .condition_expression("attribute_not_exists(pk)");
        request.send().await.map_err(|error| failed(format!("begin attempt {}", attempt.id), error))?;
        let request = self.client.put_item().table_name(&self.connections);
        let request = request
            .item("pk", text(connection_key(&attempt.terms.connection)))
            .item("sk", text("attempt"))
            .item("v", number(VERSION))
            .item("attempt", text(attempt.id.as_str()))
            .item("expires_at", kept_until);
        request.send().await.map_err(|error| failed(format!("begin attempt {}", attempt.id), error))?;
        Ok(())
    }

    /// Reads an attempt.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attempt(&self, id: &AttemptId) -> Result<Option<Attempt>, StoreError> {
        let request = self.client.get_item().table_name(&self.connections).key("pk", text(key(id))).key("sk", text("attempt"));
        let answer = request.consistent_read(true).send().await.map_err(|error| failed(format!("read attempt {id}"), error))?;
        answer.item.as_ref().map(read).transpose()
    }

    /// The attempt that counts for a connection: the one begun last.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn latest_attempt(&self, connection: &ConnectionId) -> Result<Option<AttemptId>, StoreError> {
        let request =
            self.client.get_item().table_name(&self.connections).key("pk", text(connection_key(connection))).key("sk", text("attempt"));
        let answer =
            request.consistent_read(true).send().await.map_err(|error| failed(format!("read the attempt of {connection}"), error))?;
        answer.item.as_ref().map(|item| Reader::open(item)?.parsed("attempt", "")).transpose()
    }

    /// Moves an attempt on. Of several callers that find it in `from`, one succeeds.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when it is not in `from` any more.
    pub async fn move_attempt(&self, id: &AttemptId, from: &Progress, to: &Progress) -> Result<(), StoreError> {
        let request = self.client.update_item().table_name(&self.connections).key("pk", text(key(id))).key("sk", text("attempt"));
        let request = request
            .update_expression("SET progress_word = :word, progress = :progress")
            .condition_expression("progress_word = :from")
            .expression_attribute_values(":word", text(to.word()))
            .expression_attribute_values(":progress", json(to)?)
            .expression_attribute_values(":from", text(from.word()));
        request.send().await.map_err(|error| failed(format!("move attempt {id}"), error))?;
        Ok(())
    }
}

fn read(item: &Item) -> Result<Attempt, StoreError> {
    let reader = Reader::open(item)?;
    Ok(Attempt {
        id: reader.parsed("pk", "attempt#")?,
        progress: reader.json("progress")?,
        terms: reader.json("body")?,
        sealed_verifier: reader.bytes("sealed")?.to_vec(),
    })
}
