//! Connections, the due index they wait in, and a tick that serves it: rounds of a share of each lane of each shard, so many checks at a
//! time, each round to its end before the next, until nothing is due or the time runs out; one invocation of a part at a time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use domain::ids::ConnectionId;
use domain::schedule::{self, Lane};
use jiff::Timestamp;

use crate::rules::{Reply, Rules, State};
use crate::scenario::Scenario;
use crate::tally::{SECONDS, Tally};

/// Milliseconds since the simulated day began.
pub(crate) type Moment = u64;

pub(crate) const MINUTE: Moment = 60_000;
pub(crate) const HOUR: Moment = 60 * MINUTE;
pub(crate) const DAY: Moment = 24 * HOUR;

/// How the checks are deployed. Inputs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// How many functions share the shards.
    pub(crate) parts: u8,
    /// Checks at a time in each.
    pub(crate) in_flight: usize,
    /// Taken of one shard's healthy lane in one round.
    pub(crate) healthy_per_shard: usize,
    /// Taken of one shard's other lanes in one round.
    pub(crate) others_per_shard: usize,
    /// How long an invocation lives.
    pub(crate) timeout: Moment,
    /// What one check may take; none is begun later than this before the end.
    pub(crate) check_budget: Moment,
    /// The most rounds of one tick.
    pub(crate) rounds_max: u32,
}

/// What searching the index takes, once a round. An input.
const SEARCH: Moment = 15;

/// All connections of a day, by shard. Their ids are all that scenarios share.
pub(crate) struct Fleet {
    pub(crate) shards: Vec<Vec<ConnectionId>>,
}

impl Fleet {
    pub(crate) fn of(count: u64) -> Self {
        let mut shards = vec![Vec::new(); usize::from(schedule::SHARDS)];
        let mut chance = Chance(1);
        for _ in 0..count {
            let random = u128::from(chance.draw()) << 64 | u128::from(chance.draw());
            let id = ConnectionId::mint(random.to_be_bytes());
            shards[usize::from(schedule::shard(&id))].push(id);
        }
        Self { shards }
    }
}

/// Numbers that look random. Source: SplitMix64, <https://doi.org/10.1145/2660193.2660195>
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }
}

/// One shard: its connections, and a queue for each lane.
struct Shard<'a> {
    ids: &'a [ConnectionId],
    states: Vec<State>,
    lanes: [BinaryHeap<Reverse<(Moment, u32)>>; Lane::ALL.len()],
    /// Writes to each lane's key of the index, by second.
    writes: [Vec<u32>; Lane::ALL.len()],
}

/// One part's day.
pub(crate) struct Part<'a> {
    plan: Plan,
    scenario: &'a Scenario,
    rules: Rules,
    chance: Chance,
    shards: Vec<Shard<'a>>,
    tally: Tally,
}

/// A check that was taken from the line.
struct Taken {
    shard: usize,
    lane: Lane,
    due: Moment,
    connection: u32,
}

impl<'a> Part<'a> {
    pub(crate) fn new(fleet: &'a Fleet, plan: Plan, index: u8, scenario: &'a Scenario) -> Self {
        let ours = schedule::Part::new(index, plan.parts).expect("parts are within their bounds").shards();
        let mut part =
            Self { plan, scenario, rules: Rules::new(), chance: Chance(u64::from(index) + 2), shards: Vec::new(), tally: Tally::new() };
        part.shards = ours.map(|shard| part.shard(&fleet.shards[usize::from(shard)])).collect();
        part
    }

    /// Everybody in the middle of the usual period, or about to consent.
    fn shard(&mut self, ids: &'a [ConnectionId]) -> Shard<'a> {
        let mut shard = Shard { ids, states: vec![State::Healthy; ids.len()], lanes: Default::default(), writes: Default::default() };
        shard.writes.fill_with(|| vec![0; SECONDS]);
        for (connection, id) in (0_u32..).zip(ids) {
            let consent = self.scenario.consent_at(&mut self.chance);
            let (_, due) = self.rules.after(id, State::Healthy, Reply::Accepted, time(consent.unwrap_or_default()));
            let due = due.map_or(0, moment);
            let (state, due) = match consent {
                Some(_) => (State::First, due),
                None => (State::Healthy, self.chance.below(due.max(1))),
            };
            shard.states[connection as usize] = state;
            shard.wait(state, due, connection);
        }
        shard
    }

    /// Lives through the day, a tick a minute.
    pub(crate) fn live(mut self) -> Tally {
        let mut busy_until = 0;
        for tick in (0..DAY).step_by(MINUTE as usize).filter(|tick| self.scenario.has_tick(*tick)) {
            if busy_until > tick {
                self.tally.ticks_skipped += 1;
                continue;
            }
            busy_until = self.tick(tick);
        }
        for shard in &self.shards {
            shard.writes.iter().for_each(|key| self.tally.key(key));
            let overdue = shard.lanes.iter().flatten().map(|Reverse((due, _))| *due).filter(|due| *due + 2 * MINUTE < DAY);
            overdue.for_each(|due| {
                let late = ((DAY - due) / 1_000) as usize;
                self.tally.left = (self.tally.left.0 + 1, self.tally.left.1.max(late));
            });
        }
        self.tally
    }

    /// Returns when it is over.
    fn tick(&mut self, began: Moment) -> Moment {
        let last_begin = (began + self.plan.timeout).saturating_sub(self.plan.check_budget);
        let mut now = began;
        for _ in 0..self.plan.rounds_max {
            now += SEARCH;
            let line = self.line(now);
            if line.is_empty() || now > last_begin {
                line.into_iter().for_each(|taken| self.put_back(&taken));
                break;
            }
            now = self.work(line, now, last_begin);
        }
        now
    }

    fn line(&mut self, now: Moment) -> Vec<Taken> {
        let mut line = Vec::new();
        for lane in Lane::ALL {
            let share = match lane {
                Lane::Healthy => self.plan.healthy_per_shard,
                Lane::First | Lane::Failing => self.plan.others_per_shard,
            };
            for (shard, room) in self.shards.iter_mut().enumerate() {
                let queue = &mut room.lanes[lane as usize];
                for _ in 0..share {
                    match queue.peek() {
                        Some(&Reverse((due, connection))) if due <= now => {
                            queue.pop();
                            line.push(Taken { shard, lane, due, connection });
                        }
                        _ => break,
                    }
                }
            }
        }
        line
    }

    /// Checks the line, so many at a time; returns when the last one is done.
    fn work(&mut self, line: Vec<Taken>, began: Moment, last_begin: Moment) -> Moment {
        let mut free: BinaryHeap<Reverse<Moment>> = (0..self.plan.in_flight).map(|_| Reverse(began)).collect();
        let mut over = began;
        for taken in line {
            let now = free.pop().map_or(began, |Reverse(at)| at);
            let done = if now > last_begin {
                self.put_back(&taken);
                now
            } else {
                self.check(&taken, now)
            };
            over = over.max(done);
            free.push(Reverse(done));
        }
        over
    }

    /// Returns when it is done.
    fn check(&mut self, taken: &Taken, now: Moment) -> Moment {
        let shard = &mut self.shards[taken.shard];
        let id = &shard.ids[taken.connection as usize];
        let state = shard.states[taken.connection as usize];
        let reply = self.scenario.reply(id, now);
        let done = now + self.scenario.latency(reply, &mut self.chance);
        self.tally.check(taken.lane, taken.due, now, reply.requests());
        let (next, due) = self.rules.after(id, state, reply, time(done));
        shard.states[taken.connection as usize] = next;
        // The settling write takes the entry out of one place of the index, and puts it into another.
        shard.count(taken.lane, done);
        if let (Some(due), Some(lane)) = (due, next.lane()) {
            shard.wait(next, moment(due), taken.connection);
            shard.count(lane, done);
        }
        done
    }

    fn put_back(&mut self, taken: &Taken) {
        self.shards[taken.shard].lanes[taken.lane as usize].push(Reverse((taken.due, taken.connection)));
    }
}

impl Shard<'_> {
    fn wait(&mut self, state: State, due: Moment, connection: u32) {
        if let Some(lane) = state.lane() {
            self.lanes[lane as usize].push(Reverse((due, connection)));
        }
    }

    fn count(&mut self, lane: Lane, at: Moment) {
        self.writes[lane as usize][((at / 1_000) as usize).min(SECONDS - 1)] += 1;
    }
}

fn time(moment: Moment) -> Timestamp {
    Timestamp::from_millisecond(moment as i64).expect("a day after 1970 is a time")
}

fn moment(time: Timestamp) -> Moment {
    time.as_millisecond().unsigned_abs()
}
