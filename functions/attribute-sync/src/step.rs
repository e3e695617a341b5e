//! One stretch of one walk.

use std::time::Duration;

use adapters::Ports;
use adapters::entropy;
use adapters::graph::GraphError;
use adapters::queue::{Lane, QueueError, SyncTask};
use adapters::store::notices::Notice;
use adapters::store::walks::TakenWalk;
use adapters::store::{Holder, Lease, StoreError};
use adapters::vault::VaultError;
use domain::attribute::{AttributeName, Choice};
use domain::ids::ConnectionId;
use domain::person::Person;
use domain::roll::Visibility;
use domain::schedule;
use domain::walk::{PageEnd, Stage, Tally, Walk};
use jiff::{SignedDuration, Timestamp};

use crate::apply::{self, NotApplied};
use crate::culprits;
use crate::ending::{self, Account, End};
use crate::memory::Memory;
use crate::plan::{self, Plan};
use crate::source::{Dry, Fetched, Question, Source};
use crate::{Shift, leave, omen};

/// How long a worker holds a walk from its last write on: longer than fetching (15 s) and storing (three writes of at most 10 s) one page.
const LEASE: SignedDuration = SignedDuration::from_secs(120);
/// How much sooner than the lease ends its holder gives up: clocks differ.
const APART: SignedDuration = SignedDuration::from_secs(5);
/// The wait for a fresh access token.
const TOKEN_WAIT: SignedDuration = SignedDuration::from_secs(30);
/// From this part of what Graph allows on, the walk slows down. Source: <https://learn.microsoft.com/en-us/graph/throttling-limits>
const LOAD_MAX: f64 = 0.8;
/// The wait before the next page at the load from which on Graph refuses.
const LOAD_WAIT: SignedDuration = SignedDuration::from_secs(10);

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Somebody else is at it, or nothing is due.
    Idle,
    /// A stretch was walked; more follows.
    Moved,
    /// The round is over.
    Completed,
    /// The walk waits, and goes on by itself.
    Waiting,
    /// The walk cannot go on until something is repaired.
    Held,
}

/// Why a step failed on our side. The walk's lease ends by itself, and the walk is still due.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The access token does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The next step could not be asked for; the watchdog will.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// A walk under its lease, and what its stretch knows.
pub(crate) struct Work<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) plan: &'a Plan,
    pub(crate) id: &'a ConnectionId,
    pub(crate) choice: &'a Choice,
    pub(crate) walk: Walk,
    pub(crate) lease: Lease,
    pub(crate) memory: Memory,
    pub(crate) account: Account,
}

impl Work<'_> {
    /// Writes where the walk stands, with the notices owed, and holds it for as long as the next page may take.
    pub(crate) async fn note(&mut self, notices: &[Notice]) -> Result<(), StepError> {
        self.lease.until = self.ports.clock.now() + LEASE;
        Ok(self.ports.store.note_walk(self.id, &self.walk, &self.lease, notices).await?)
    }

    /// Writes what asks for no fence, as long as the walk is surely held: whoever is late, because their machine stood still, would write
    /// something old over what another has stored since.
    pub(crate) async fn while_held<T>(&self, writes: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let left = self.lease.until.duration_since(self.ports.clock.now()) - APART;
        match tokio::time::timeout(Duration::try_from(left).unwrap_or_default(), writes).await {
            Ok(written) => written,
            Err(_) => Err(StoreError::Overtaken { what: format!("write people of {} in time", self.id) }),
        }
    }

    /// Whether the customer's choice shows a person.
    pub(crate) fn visibility(&self, person: &Person) -> Visibility {
        match self.choice.hides(person, &self.walk.degraded) {
            true => Visibility::Hidden,
            false => Visibility::Shown,
        }
    }
}

/// Takes the walk's lease and does its next stretch.
///
/// # Errors
/// [`StepError`].
pub async fn step(shift: Shift<'_>, task: &SyncTask) -> Result<Step, StepError> {
    let Shift { ports, plan, deadline } = shift;
    let (id, now) = (&task.connection, ports.clock.now());
    let holder = Holder { nonce: entropy::bytes16(ports.entropy.as_ref()), until: now + LEASE };
    let Some((TakenWalk { walk, due_at, choice, decision }, lease)) = ports.store.take_walk(id, holder, now).await? else {
        return Ok(Step::Idle);
    };
    // A task that comes early, because the queue holds none so long or because somebody asked again, does not shorten a wait.
    if let Some(until) = walk.waits(now) {
        ports.store.settle_walk(id, &walk, &lease, until).await?;
        return Ok(Step::Idle);
    }
    let is_due = walk.is_under_way() || due_at.is_some_and(|at| at <= now);
    if !is_due {
        ports.store.settle_walk(id, &walk, &lease, due_at.unwrap_or(now)).await?;
        return Ok(Step::Idle);
    }
    let account = Account::open(&walk, choice.every());
    let mut work = Work { ports, plan, id, choice: &choice, walk, lease, memory: Memory::default(), account };
    if let Some(decision) = &decision {
        work.walk.heed(decision);
    }
    let stretch = Stretch { lane: task.lane, until: plan.last_begin(task.lane, now, deadline) };
    let end = match Box::pin(work.go(stretch)).await {
        // Whoever took the walk over goes on with it.
        Err(StepError::Store(StoreError::Overtaken { .. })) => return Ok(Step::Idle),
        end => end?,
    };
    ending::finish(&mut work, end).await
}

/// How far a step goes.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    lane: Lane,
    /// The last moment at which a page is begun.
    until: Timestamp,
}

impl Work<'_> {
    async fn go(&mut self, stretch: Stretch) -> Result<End, StepError> {
        apply::absorb(self).await?;
        let mut source = match Source::open(self.ports, self.id).await? {
            Ok(source) => source,
            Err(dry) => return self.run_dry(None, dry).await,
        };
        self.account.sees(source.connection.health());
        self.walk.begin(&self.choice.fingerprint(), self.ports.clock.now());
        let mut ahead: Option<Result<Fetched, GraphError>> = None;
        for pages in 1..=self.plan.pages_max {
            // Others have their turn where this walk needs workers of the other lane.
            if stretch.lane == Lane::Quick && plan::lane(&self.walk) == Lane::Bulk {
                return Ok(End::GoOn);
            }
            if let Err(dry) = source.refresh().await? {
                return self.run_dry(Some(&source), dry).await;
            }
            let has_more = pages < self.plan.pages_max && self.ports.clock.now() < stretch.until;
            match self.advance(&source, ahead.take(), has_more).await? {
                Advance::Moved(next) => ahead = next,
                Advance::Ended(end) => return Ok(end),
            }
            if !self.walk.is_under_way() {
                return Ok(End::Rest);
            }
            if self.ports.clock.now() >= stretch.until {
                break;
            }
        }
        Ok(End::GoOn)
    }

    /// Does the next thing, whatever it is.
    async fn advance(
        &mut self,
        source: &Source<'_>,
        ahead: Option<Result<Fetched, GraphError>>,
        has_more: bool,
    ) -> Result<Advance, StepError> {
        match self.walk.stage.clone() {
            Stage::Resting => Ok(Advance::Moved(None)),
            Stage::Marking => self.mark(source).await,
            Stage::Sweeping { range } => leave::sweep(self, source, range).await.map(|()| Advance::Moved(None)),
            Stage::Removing { done } => {
                let round = self.walk.round;
                leave::remove(self, (round, done)).await.map(|()| Advance::Moved(None))
            }
            Stage::Releasing { round, done, .. } => leave::remove(self, (round, done)).await.map(|()| Advance::Moved(None)),
            stage @ (Stage::Listing { .. } | Stage::Walking { .. }) => {
                let question = Question::of(&self.walk, self.choice);
                let fetched = match ahead {
                    Some(fetched) => fetched,
                    None => source.fetch(&stage, &question).await,
                };
                match fetched {
                    Ok(fetched) => self.turn(source, (&fetched, &question), has_more).await,
                    Err(error) => self.stumble(source, error).await.map(Advance::after),
                }
            }
        }
    }

    async fn mark(&mut self, source: &Source<'_>) -> Result<Advance, StepError> {
        let question = Question::of(&self.walk, self.choice);
        let now = self.ports.clock.now();
        let marked = match source.token() {
            Ok(token) => self.ports.graph.mark(token, question.select(), now).await,
            Err(error) => Err(error),
        };
        match marked {
            Ok(link) => self.walk.mark(link),
            Err(error @ GraphError::Refused { status: 400..=499, .. }) if self.named(&error).is_empty() => {
                tracing::info!(connection = %self.id, error = &error as &dyn std::error::Error, "Graph does not mark the present");
                self.walk.walk_plainly(now);
            }
            Err(error) => return self.stumble(source, error).await.map(Advance::after),
        }
        self.note(&[]).await?;
        Ok(Advance::Moved(None))
    }

    /// Applies a page while the next one is fetched, and moves.
    async fn turn(
        &mut self,
        source: &Source<'_>,
        (fetched, question): (&Fetched, &Question),
        has_more: bool,
    ) -> Result<Advance, StepError> {
        let page = fetched.page();
        let next = match (&page.end, &self.walk.stage) {
            (PageEnd::Next(link), Stage::Listing { marked, .. }) => {
                Some(Stage::Listing { link: Some(link.clone()), marked: marked.clone() })
            }
            (PageEnd::Next(link), _) => Some(Stage::Walking { link: Some(link.clone()) }),
            (PageEnd::Round(_) | PageEnd::List, _) => None,
        };
        let is_first = self.walk.page == 0 && !self.walk.is_full;
        let rest = LOAD_WAIT.mul_f64((page.load.unwrap_or_default() - LOAD_MAX).clamp(0.0, 1.0) * 5.0);
        let ahead = async {
            match &next {
                Some(stage) if has_more && rest.is_zero() => Some(source.fetch(stage, question).await),
                _ => None,
            }
        };
        let (applied, ahead) = futures::join!(apply::page(self, fetched), ahead);
        let tally = match applied {
            Ok(tally) => tally,
            Err(NotApplied::Page(error)) => return self.stumble(source, error).await.map(Advance::after),
            Err(NotApplied::Step(error)) => return Err(error),
        };
        self.walk.turn(page.end.clone(), &tally, self.ports.clock.now());
        // A round that nothing came of is told by the write that ends the stretch.
        if self.walk.is_under_way() || tally != Tally::default() {
            self.note(&[]).await?;
        }
        match (is_first, fetched) {
            (true, _) => omen::look(self.ports, &source.connection, source.token().ok()).await?,
            (false, Fetched::Delta(_, changes)) => omen::find(self.ports, &source.connection, changes).await?,
            (false, Fetched::Full(..)) => {}
        }
        match rest.is_zero() {
            true => Ok(Advance::Moved(ahead)),
            // Graph is close to refusing: others of this tenant come first.
            false => Ok(Advance::Ended(End::Wait(rest))),
        }
    }
}

/// What one thing done came to.
enum Advance {
    /// The walk moved; the next page may be there already.
    Moved(Option<Result<Fetched, GraphError>>),
    /// The stretch ends here.
    Ended(End),
}

impl Advance {
    fn after(end: End) -> Self {
        match end {
            End::GoOn => Self::Moved(None),
            end => Self::Ended(end),
        }
    }
}

impl Work<'_> {
    /// Decides how the walk goes on without pages.
    async fn run_dry(&mut self, source: Option<&Source<'_>>, dry: Dry) -> Result<End, StepError> {
        let now = self.ports.clock.now();
        self.account.hears(dry);
        match (dry, source) {
            (Dry::Gone, _) => self.walk.fail("The connection is gone.", now),
            (Dry::Broken { .. }, _) | (Dry::NoToken, None) => self.walk.fail("The connection must be repaired first.", now),
            (Dry::NoToken, Some(source)) => {
                self.walk.wait(now + TOKEN_WAIT, "Waiting for a fresh access token.", now);
                self.ports.store.hasten_check(&source.connection, now).await?;
                return Ok(End::Wait(TOKEN_WAIT));
            }
        }
        Ok(End::Hold)
    }

    /// Attributes for which Graph refuses a request as a whole: those that it names or, where it names none at the beginning of a round,
    /// those that are found to be refused by themselves. A link in the middle of a round may be refused for its own sake.
    async fn blamed(&self, source: &Source<'_>, error: &GraphError) -> Vec<AttributeName> {
        match (self.named(error), error) {
            (named, GraphError::Refused { status: 400..=499, .. }) if named.is_empty() && self.walk.page == 0 => {
                culprits::find(source, self.choice.asked(&self.walk.degraded)).await
            }
            (named, _) => named,
        }
    }

    /// Those of the attributes asked for that a refusal names.
    fn named(&self, error: &GraphError) -> Vec<AttributeName> {
        match error {
            GraphError::Refused { status: 400..=499, message, .. } => self.choice.blamed(message, &self.walk.degraded),
            _ => Vec::new(),
        }
    }

    /// Decides how the walk goes on after Graph gave no page.
    async fn stumble(&mut self, source: &Source<'_>, error: GraphError) -> Result<End, StepError> {
        let (id, now) = (self.id, self.ports.clock.now());
        tracing::warn!(connection = %id, error = &error as &dyn std::error::Error, "no page");
        let blamed = self.blamed(source, &error).await;
        let goes_on = match error {
            GraphError::Reset { location } => self.walk.reset(location, now),
            GraphError::PageTokenExpired => self.walk.restart(now),
            GraphError::Unavailable { retry_after, .. } => {
                let at = schedule::after_unclear(id, self.walk.failures + 1, retry_after, now);
                self.walk.wait(at, "Microsoft Graph asked us to wait.", now);
                return Ok(End::Wait(at.duration_since(now)));
            }
            GraphError::Unauthorized | GraphError::Forbidden { .. } => {
                // The grant itself may have ended: let it be asked soon, not at its next turn.
                self.ports.store.hasten_check(&source.connection, now).await?;
                self.walk.fail("Microsoft Graph denies access to the directory.", now);
                false
            }
            GraphError::Refused { .. } if !blamed.is_empty() => self.walk.degrade(blamed, now),
            GraphError::Refused { status: 400..=499, .. } if matches!(self.walk.stage, Stage::Listing { .. }) => {
                self.walk.walk_plainly(now);
                true
            }
            GraphError::Refused { .. } | GraphError::Foreign(_) | GraphError::Unreadable(_) => {
                self.walk.give_up("Microsoft Graph answered in a way that we do not understand.", now);
                false
            }
        };
        if !goes_on && self.walk.problem.is_none() {
            self.walk.fail("Microsoft Graph keeps starting the synchronization over.", now);
        }
        Ok(if goes_on { End::GoOn } else { End::Hold })
    }
}
