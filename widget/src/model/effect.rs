//! What the model wants done outside.

use std::time::Duration;

use domain::ids::{AttemptId, ConnectionId};
use domain::walk::Verdict;

use super::message::Timer;
use crate::face::Demand;
use crate::goal::Goal;
use crate::trouble::Trouble;
use crate::words::Line;

/// What is to be done outside.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a request under a number.
    Send(u32, Request),
    /// Start a timer, or start it anew.
    Wait(Timer, Duration),
    /// Stop a timer.
    Stop(Timer),
    /// Lead the open window to Microsoft.
    Steer(String),
    /// Close the window.
    CloseWindow,
    /// Lead this tab to Microsoft.
    Leave(String),
    /// Keep an attempt's id, and what it is for, over a reload of the page.
    Remember(AttemptId, Goal),
    /// The attempt is over, or not ours to follow: take its id out of the page's address and the session.
    Forget,
    /// Say something to a screen reader.
    Announce(Line, Urgency),
    /// Make a connection's status the element's, and tell the host when its health has changed.
    Publish {
        /// The connection.
        connection: ConnectionId,
        /// The health before, absent the first time.
        previous: Option<&'static str>,
        /// The health now.
        current: &'static str,
        /// What made it change.
        cause: Cause,
    },
    /// Tell the host how much waits for the portal's user.
    Demand(Demand),
    /// Tell the host that a consent succeeded.
    Reconnected(AttemptId),
    /// Tell the host that a consent ended without success, and why.
    Exited(Option<AttemptId>, &'static str),
    /// Tell the host that something failed.
    Failed(Trouble, &'static str),
    /// The reader asks again: a token may be fetched again although that failed before.
    Forgive,
    /// Put the support details into the clipboard.
    Copy,
    /// Show the skeleton while nothing is known, or take it away.
    Skeleton(bool),
    /// The state in one word, for the host's style sheet.
    State(&'static str),
}

/// A request to the API.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// `GET /v1/connections`
    List,
    /// `POST /v1/connections`
    Create,
    /// `GET /v1/connections/{id}`
    Status(ConnectionId),
    /// `POST /v1/connections/{id}/sync`
    Sync(ConnectionId),
    /// `POST /v1/reconnect-attempts`
    Begin {
        /// The connection that it is about.
        connection: ConnectionId,
        /// The consent runs in the portal's own tab.
        in_tab: bool,
        /// What it is to come to.
        goal: Goal,
    },
    /// `PUT /v1/connections/{id}/held-deletions`
    Decide {
        /// The connection that it is about.
        connection: ConnectionId,
        /// Which wave.
        round: u32,
        /// What becomes of the people.
        verdict: Verdict,
    },
    /// `GET /v1/reconnect-attempts/{id}`
    Attempt(AttemptId),
    /// `DELETE /v1/reconnect-attempts/{id}`
    Withdraw(AttemptId),
}

/// What is to get the keyboard's focus once it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// The panel about the consent.
    Panel,
    /// The panel about held deletions.
    Decision,
    /// The button that approves held deletions.
    Approve,
    /// The button that starts a consent of this goal.
    Action(Goal),
}

/// How urgently a screen reader speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// When it is free.
    Polite,
    /// At once.
    Assertive,
}

/// What made the status change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The first look.
    Load,
    /// A later look.
    Poll,
    /// A consent.
    Reconnect,
}
