//! The spare grant: kept alive beside the one in use, and put in its place when that stops.

use adapters::store::StoreError;
use adapters::store::connections::{Connection, Grant, Spare};
use domain::health::{self, Health, Reply, Standing, Verdict};
use domain::notice::NoticeKind;
use domain::schedule;
use jiff::{SignedDuration, Timestamp};

use crate::Round;
use crate::check::{self, Patient};
use crate::renewal::{self, Renewal, Renewed, Task};

/// The longest that a verdict waits for a spare about which nothing can be concluded.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// Tries the spare where its turn has come, so that it is known to work when it is needed.
pub(crate) async fn tend(round: &Round<'_>, patient: &mut Patient<'_>) -> Result<(), StoreError> {
    let now = round.ports.clock.now();
    let Some(spare) = patient.connection.body.spare.clone().filter(|spare| spare.check_at <= now) else {
        return Ok(());
    };
    let renewal = renew(round, patient, &spare.grant).await?;
    keep(patient, spare, renewal, now);
    Ok(())
}

/// What became of the search for another grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StandIn {
    /// There is none that works, as far as is known.
    None,
    /// The spare works, and is in use.
    Found,
    /// Nothing could be concluded about the spare: the verdict waits until something can.
    Unknown,
}

/// Tries the spare of a grant that is known to be dead.
pub(crate) async fn rescue(round: &Round<'_>, patient: &mut Patient<'_>) -> Result<(), StoreError> {
    let known = Verdict { standing: patient.connection.body.standing.clone(), notice: None };
    if stand_in(round, patient, &known).await? != StandIn::Found {
        patient.connection.check_at = next_rescue(&patient.connection, round.ports.clock.now());
    }
    Ok(())
}

/// When the spare of a dead grant is tried next; never, where there is none.
pub(crate) fn next_rescue(connection: &Connection, now: Timestamp) -> Option<Timestamp> {
    let spare = connection.body.spare.as_ref()?;
    Some(schedule::next_stand_in(&connection.id, spare.doubted_since, now))
}

/// Puts the spare in the place of a grant about which `verdict` was found, if it works.
pub(crate) async fn stand_in(round: &Round<'_>, patient: &mut Patient<'_>, verdict: &Verdict) -> Result<StandIn, StoreError> {
    let Some(spare) = patient.connection.body.spare.clone() else {
        return Ok(StandIn::None);
    };
    let renewal = renew(round, patient, &spare.grant).await?;
    let now = round.ports.clock.now();
    match renewal {
        Renewal::Renewed(renewed) => {
            switch(patient, spare.grant, (&renewed, verdict), now);
            Ok(StandIn::Found)
        }
        Renewal::Unclear { what, .. } => {
            tracing::warn!(connection = %patient.connection.id, what, "nothing known about the spare");
            let standing = &patient.connection.body.standing;
            let is_patient = standing.doubted_since.is_none_or(|since| now.duration_since(since) < PATIENCE);
            if !standing.health.is_working() || !is_patient {
                return Ok(StandIn::None);
            }
            wait(&mut patient.connection, now);
            Ok(StandIn::Unknown)
        }
        refused @ Renewal::Refused(_) => {
            keep(patient, spare, refused, now);
            Ok(StandIn::None)
        }
    }
}

async fn renew(round: &Round<'_>, patient: &Patient<'_>, grant: &Grant) -> Result<Renewal, StoreError> {
    let task = Task { connection: &patient.connection, grant, lease: patient.lease, kept: &patient.kept, tokens: None };
    renewal::renew(round.ports, task).await
}

/// The spare is in use from now on. A grant that may come back becomes the spare; a dead one is forgotten.
fn switch(patient: &mut Patient<'_>, grant: Grant, (renewed, verdict): (&Renewed, &Verdict), now: Timestamp) {
    let body = &mut patient.connection.body;
    let may_come_back = matches!(verdict.standing.health, Health::Suspended { .. });
    let check_at = schedule::next_spare_check(&patient.connection.id, now);
    let verified_at = body.verified_at.unwrap_or(now);
    body.spare = body.grant.take().filter(|_| may_come_back).map(|grant| Spare { grant, verified_at, check_at, doubted_since: None });
    check::accept(patient, grant, renewed, now);
    patient.owed.push(NoticeKind::SwitchedToSpare);
}

/// Notes what the spare's turn came to. A dead one is forgotten, and that is told.
fn keep(patient: &mut Patient<'_>, spare: Spare, renewal: Renewal, now: Timestamp) {
    let connection = &mut patient.connection;
    let check_at = schedule::next_spare_check(&connection.id, now);
    let standing = Standing { doubted_since: spare.doubted_since, ..Standing::sure(Health::Healthy, spare.verified_at) };
    connection.body.spare = match renewal {
        Renewal::Renewed(Renewed { current, previous, told }) => {
            let grant = Grant { current, previous, told, ..spare.grant };
            Some(Spare { grant, verified_at: now, check_at, doubted_since: None })
        }
        Renewal::Refused(refusal) => {
            let after = health::judge(&standing, Reply::Refused(refusal), now).standing;
            let is_dead = matches!(after.health, Health::Dead { .. });
            if is_dead {
                patient.owed.push(NoticeKind::SpareLost);
            }
            let doubted_since = after.doubted_since;
            (!is_dead).then_some(Spare { check_at, doubted_since, ..spare })
        }
        Renewal::Unclear { .. } => Some(Spare { check_at, ..spare }),
    };
}

/// Leaves the grant in use as doubtful as it is, and looks again soon.
fn wait(connection: &mut Connection, now: Timestamp) {
    connection.body.standing.doubted_since.get_or_insert(now);
    connection.check_at = schedule::next_check(&connection.id, &connection.body.standing, now);
}
