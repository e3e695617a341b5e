//! What reaches the model.

use domain::api::{ConnectionStatus, ReconnectAttempt};
use domain::ids::AttemptId;
use domain::walk::Verdict;

use super::Settings;
use crate::goal::Goal;
use crate::trouble::Trouble;

/// What a request under way is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// All connections of the caller.
    List,
    /// One connection.
    Status,
    /// A new connection, to be consented to at once.
    Create,
    /// A sync.
    Sync,
    /// The beginning of a consent.
    Begin,
    /// How a consent stands.
    Poll,
    /// How the consent stands that the page's address names.
    Claim,
    /// The withdrawal of a consent.
    Withdraw,
    /// A decision about held deletions.
    Decide,
}

/// What a request was answered with.
#[derive(Debug)]
pub enum Answer {
    /// All connections of the caller.
    Connections(Vec<ConnectionStatus>),
    /// One connection.
    Connection(Box<ConnectionStatus>),
    /// One consent attempt.
    Attempt(Box<ReconnectAttempt>),
    /// Done.
    Nothing,
}

/// What happened.
#[derive(Debug)]
pub enum Message {
    /// The element's attributes were read, the first time or again.
    Configured(Settings),
    /// The page's address or the session names an attempt that may be ours, and the session what it was for.
    Claimed(AttemptId, Goal),
    /// A request was answered.
    Answered(u32, Answer),
    /// A request failed.
    Refused(u32, Trouble),
    /// A timer has run down.
    Elapsed(Timer),
    /// The browser went online or offline.
    Online(bool),
    /// The page was shown or hidden.
    Visible(bool),
    /// Something suggests that an attempt has moved on.
    Nudged,
    /// The popup looks closed, which may be false.
    WindowClosed,
    /// The reader, or the host through a method, asked for something.
    Pressed(Press),
    /// Time has passed: distances in time are written anew.
    Ticked,
}

/// What the reader asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
    /// Look again.
    Refresh,
    /// Start a consent.
    Consent {
        /// What it is to come to.
        goal: Goal,
        /// What opening the window came to, which only the click itself may do.
        opened: Opened,
    },
    /// Bring the sign-in window back; the click itself opened it.
    Reopen,
    /// Give the consent up.
    Cancel,
    /// Put the result of the last consent away.
    Dismiss,
    /// Sync now.
    Sync,
    /// Copy the support details.
    Copy,
    /// Approve held deletions, which is asked once more.
    Approve,
    /// Decide about held deletions.
    Decide(Verdict),
    /// Do not decide now.
    Undecide,
}

/// What opening the sign-in window came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// A window is open and waits for its address.
    Window,
    /// The consent is to run in this tab.
    InTab,
    /// The browser refused to open a window.
    Blocked,
    /// The host has taken the consent over.
    Taken,
}

/// The card's timers; each runs at most once at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// To the next look at the status.
    Refresh,
    /// To the next look at the attempt.
    Poll,
    /// To the end of a short-lived sentence.
    Toast,
}
