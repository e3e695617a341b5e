//! One notice: take it, look how things stand, claim what is due, send it, note what became of it.

use adapters::entropy;
use adapters::metrics::{self, Metric};
use adapters::store::ledgers::{Matter, NoticeKey, Owed, Writer};
use adapters::store::notices::Notice;
use adapters::store::{Holder, StoreError};
use domain::notice::NoticeKind;
use domain::notice::ladder::{self, Circle};
use domain::notice::ledger::{Claim, Ledger, Sending, Settled};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};

use crate::Desk;
use crate::look::{Scene, disable, look};
use crate::send::{SendError, send};

/// So long nobody else takes a notice: longer than looking, sending to everybody, and noting it may take. Lambda ends the function before.
const LEASE: SignedDuration = SignedDuration::from_secs(150);
/// So long before the lease's end nothing more is sent: one send's deadline and a little.
const SPARE: SignedDuration = SignedDuration::from_secs(20);
/// Recipients sent to at a time.
const IN_FLIGHT: usize = 6;

/// What became of one notice.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sent: usize,
    pub(crate) unsettled: usize,
    pub(crate) failed: usize,
}

/// What is owed where a change of the ledger shows that somebody must be told of the delivery itself.
type FollowUps = Vec<Notice>;

/// Works on one notice of which something is due.
pub(crate) async fn deliver(desk: &Desk, key: &NoticeKey) -> Result<Tally, StoreError> {
    let now = desk.clock.now();
    let holder = Holder { nonce: entropy::bytes16(desk.entropy.as_ref()), until: now + LEASE };
    let Some(mut owed) = desk.store.take_notice(key, holder, now).await? else {
        return Ok(Tally::default());
    };
    let scene = Box::pin(look(desk, &owed)).await?;
    let matter = owed.matter.clone();
    let plan = |ledger: &mut Ledger| plan(&scene, &matter, ledger, now);
    // Where there is nothing to send, the one write gives the lease back as well.
    let has_work = !plan(&mut owed.ledger.clone()).0.is_empty();
    let writer = if has_work { Writer::Holder(holder) } else { Writer::Leaver(holder) };
    let claims = desk.store.amend(&mut owed, writer, plan).await?;
    if claims.is_empty() {
        return Ok(Tally::default());
    }
    let sent = send_all(desk, &scene, &owed, (claims, holder.until)).await;
    settle(desk, &scene, &mut owed, (&sent, holder)).await?;
    Ok(tally(&owed, &sent, desk.clock.now()))
}

/// Ends the notice or begins its next telling, and claims what is due.
fn plan(scene: &Scene, matter: &Matter, ledger: &mut Ledger, now: Timestamp) -> (Vec<Claim>, FollowUps) {
    let (kind, owed_at) = (matter.kind(), matter.owed_at());
    if let Some(why) = scene.end(matter, ledger) {
        ledger.end(why, now);
    } else if let Some(telling) = ledger.begins(kind, owed_at, now) {
        ledger.open(telling, scene.addressed(matter, telling.step, now));
    }
    (ledger.claim(now), missed(scene, matter, ledger, now).into_iter().collect())
}

/// What the operator is told where nobody of the customer was reached, and nobody there chose not to be.
pub(crate) fn missed(scene: &Scene, matter: &Matter, ledger: &mut Ledger, now: Timestamp) -> Option<Notice> {
    let Matter::Connection(notice) = matter else { return None };
    let is_asked = ladder::circle(notice.kind) == Circle::Customer && ledger.ended().is_none();
    let is_by_choice = !ledger.addresses_customers() && scene.has_reachable_contact();
    let is_missed = is_asked && !is_by_choice && ledger.misses_everybody(now);
    is_missed.then(|| notice.follow_up(NoticeKind::NobodyReached, None, now))
}

async fn send_all(desk: &Desk, scene: &Scene, owed: &Owed, (claims, until): (Vec<Claim>, Timestamp)) -> Vec<(Claim, Sending)> {
    let each = claims.into_iter().map(|claim| async move {
        // Whoever was frozen so long must not send what somebody else may be sending again.
        if desk.clock.now() + SPARE > until {
            return (claim, Sending::Unclear);
        }
        let sending = match Box::pin(send(desk, scene, owed, &claim)).await {
            Ok(sending) => sending,
            Err(error @ (SendError::Opens(_) | SendError::Unspeakable(_))) => {
                tracing::error!(notice = %owed.ledger.of, recipient = %claim.recipient, error = &error as &dyn std::error::Error, "cannot be sent");
                Sending::Again(error.to_string())
            }
            Err(error @ SendError::NoContact) => Sending::Refused(error.to_string()),
        };
        (claim, sending)
    });
    futures::stream::iter(each).buffer_unordered(IN_FLIGHT).collect().await
}

/// Notes what each send came to, and what follows from it, in one write that gives the lease back.
async fn settle(desk: &Desk, scene: &Scene, owed: &mut Owed, (sent, holder): (&[(Claim, Sending)], Holder)) -> Result<(), StoreError> {
    let (now, chance) = (desk.clock.now(), entropy::bytes16(desk.entropy.as_ref())[0]);
    let matter = owed.matter.clone();
    let noted = |ledger: &mut Ledger| {
        let mut follow_ups = FollowUps::new();
        for (claim, sending) in sent {
            let settled = ledger.settle(claim, sending.clone(), now, chance);
            let about = claim.recipient.contact_id().zip(why(sending)).filter(|_| settled == Settled::EndpointFails);
            if let (Some((contact, why)), Matter::Connection(notice)) = (about, &matter) {
                let about = Some((contact.to_owned(), why.to_owned()));
                follow_ups.push(notice.follow_up(NoticeKind::EndpointDisabled, about, now));
            }
        }
        follow_ups.extend(missed(scene, &matter, ledger, now));
        (follow_ups.clone(), follow_ups)
    };
    let follow_ups = desk.store.amend(owed, Writer::Leaver(holder), noted).await?;
    // At once where that goes well; else when the follow-up is worked on.
    for follow_up in follow_ups.iter().filter(|follow_up| follow_up.kind == NoticeKind::EndpointDisabled) {
        disable(desk, follow_up).await?;
    }
    Ok(())
}

fn why(sending: &Sending) -> Option<&str> {
    match sending {
        Sending::Again(why) | Sending::Refused(why) | Sending::Gone(why) => Some(why),
        Sending::Taken | Sending::Unclear => None,
    }
}

fn tally(owed: &Owed, sent: &[(Claim, Sending)], now: Timestamp) -> Tally {
    let mut tally = Tally::default();
    for (claim, sending) in sent {
        let (kind, step) = (owed.matter.kind(), claim.step);
        match sending {
            Sending::Taken => {
                tally.sent += 1;
                if step == 0 {
                    metrics::took(Metric::NoticeLatency, now.duration_since(owed.matter.owed_at()));
                }
                tracing::info!(notice = %owed.ledger.of, kind = ?kind, recipient = %claim.recipient, step, "told");
            }
            Sending::Unclear | Sending::Again(_) => {
                tally.unsettled += 1;
                tracing::warn!(notice = %owed.ledger.of, kind = ?kind, recipient = %claim.recipient, step, why = why(sending), "not told yet");
            }
            Sending::Refused(_) | Sending::Gone(_) => {
                tally.failed += 1;
                tracing::warn!(notice = %owed.ledger.of, kind = ?kind, recipient = %claim.recipient, step, why = why(sending), "cannot be told");
            }
        }
    }
    tally
}
