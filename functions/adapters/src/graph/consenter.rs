//! The person who consented, as the directory has them: what speaks for the grant's end before Entra refuses.
//! Source: <https://learn.microsoft.com/en-us/graph/api/user-get> (1 resource unit), <https://learn.microsoft.com/en-us/graph/api/resources/user>

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use domain::forecast::{Account, Consenter};
use domain::ids::ObjectId;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Graph, GraphError};

const PROPERTIES: &str = "id,accountEnabled,signInSessionsValidFromDateTime,lastPasswordChangeDateTime";
/// Needs a permission of its own, `User-LifeCycleInfo.Read.All`, which few registrations have.
const LEAVE: &str = "employeeLeaveDateTime";
/// Of so many people it is remembered that their leave may not be read; then it is forgotten, and asked once more.
const REFUSED_MAX: usize = 10_000;

/// Of whom the leave may not be read; shared by all clones of a client.
#[derive(Clone, Default)]
pub(super) struct LeaveRefused(Arc<Mutex<HashSet<ObjectId>>>);

impl LeaveRefused {
    fn has(&self, id: ObjectId) -> bool {
        self.0.lock().is_ok_and(|refused| refused.contains(&id))
    }

    fn add(&self, id: ObjectId) {
        if let Ok(mut refused) = self.0.lock() {
            if refused.len() >= REFUSED_MAX {
                refused.clear();
            }
            refused.insert(id);
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    #[serde(default)]
    account_enabled: Option<bool>,
    #[serde(default)]
    sign_in_sessions_valid_from_date_time: Option<Timestamp>,
    #[serde(default)]
    last_password_change_date_time: Option<Timestamp>,
    #[serde(default)]
    employee_leave_date_time: Option<Timestamp>,
}

impl Graph {
    /// Reads the person who consented.
    ///
    /// # Errors
    /// [`GraphError`]. A person who is not there is no error but [`Consenter::Gone`].
    pub async fn consenter(&self, token: &SecretString, id: ObjectId, now: Timestamp) -> Result<Consenter, GraphError> {
        let with_leave = match self.leave_refused.has(id) {
            true => None,
            false => Some(self.user(token, id, &format!("{PROPERTIES},{LEAVE}"), now).await),
        };
        let answer = match with_leave {
            Some(answer) if !is_refused(&answer) => answer,
            Some(_) | None => {
                let answer = self.user(token, id, PROPERTIES, now).await;
                if answer.is_ok() {
                    self.leave_refused.add(id);
                }
                answer
            }
        };
        match answer {
            Ok(user) => Ok(present(&user)),
            Err(GraphError::Refused { status: 404, .. }) => Ok(Consenter::Gone),
            Err(error) => Err(error),
        }
    }

    async fn user(&self, token: &SecretString, id: ObjectId, select: &str, now: Timestamp) -> Result<User, GraphError> {
        let answer = self.fetch(&self.page(&format!("v1.0/users/{id}"), &format!("$select={select}")), token, now).await?;
        serde_json::from_slice(answer.body()).map_err(GraphError::Unreadable)
    }
}

/// Whether the question itself is refused, and may do better with less.
fn is_refused(answer: &Result<User, GraphError>) -> bool {
    matches!(answer, Err(GraphError::Forbidden { .. } | GraphError::Refused { status: 400, .. }))
}

fn present(user: &User) -> Consenter {
    Consenter::Present {
        account: if user.account_enabled == Some(false) { Account::Disabled } else { Account::Enabled },
        sessions_valid_from: user.sign_in_sessions_valid_from_date_time,
        password_changed_at: user.last_password_change_date_time,
        leaves_at: user.employee_leave_date_time,
    }
}
