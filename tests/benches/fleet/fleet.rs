//! Connections, the due index they wait in, and a tick that serves it: a line that is refilled with a share of each lane of each shard,
//! each in its turn, while fewer wait in it than may be under way; each connection once, until nothing is due or the time runs out; one
//! invocation of a part at a time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

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
    /// Taken of one shard's healthy lane at one look, besides those already taken.
    pub(crate) healthy_per_shard: usize,
    /// Taken of one shard's other lanes at one look, besides those already taken.
    pub(crate) others_per_shard: usize,
    /// How long an invocation lives.
    pub(crate) timeout: Moment,
    /// What one check may take; none is begun later than this before the end.
    pub(crate) check_budget: Moment,
    /// The most looks of one tick.
    pub(crate) looks_max: u32,
}

/// What one look takes: three searches, one after the other, two reads of many items and a count. An input.
const LOOK: Moment = 30;

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
    /// When each was first refused for good.
    doubted: HashMap<u32, Moment>,
    /// The tick that saw each last.
    seen: Vec<u32>,
    lanes: [BinaryHeap<Reverse<(Moment, u32)>>; Lane::ALL.len()],
    /// Of each lane, how many stand in the line or are being checked: the index still shows them.
    taken: [usize; Lane::ALL.len()],
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

/// A check that was taken from the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Taken {
    shard: usize,
    lane: Lane,
    due: Moment,
    connection: u32,
}

/// The connections whose turn it is.
struct Line {
    /// Which tick of the day it is, from 1.
    tick: u32,
    waiting: VecDeque<Taken>,
    looks: u32,
    /// Whether the index had nobody else when it was last looked at.
    is_whole: bool,
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
        let mut shard = Shard {
            ids,
            states: vec![State::Healthy; ids.len()],
            doubted: HashMap::new(),
            seen: vec![0; ids.len()],
            lanes: Default::default(),
            taken: Default::default(),
            writes: Default::default(),
        };
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
        for (number, tick) in (1..).zip((0..DAY).step_by(MINUTE as usize)).filter(|(_, tick)| self.scenario.has_tick(*tick)) {
            if busy_until > tick {
                self.tally.ticks_skipped += 1;
                continue;
            }
            busy_until = self.tick(number, tick);
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
    fn tick(&mut self, tick: u32, began: Moment) -> Moment {
        let last_begin = (began + self.plan.timeout).saturating_sub(self.plan.check_budget);
        let mut now = began;
        let mut line = Line { tick, waiting: VecDeque::new(), looks: 0, is_whole: false };
        let mut running: BinaryHeap<Reverse<(Moment, Taken)>> = BinaryHeap::new();
        loop {
            if line.waiting.len() < self.plan.in_flight && (line.looks == 0 || now <= last_begin) && !line.is_whole {
                now += LOOK;
                self.refill(&mut line, now, running.len());
            }
            while running.len() < self.plan.in_flight && now <= last_begin {
                let Some(taken) = line.waiting.pop_front() else { break };
                running.push(Reverse((self.check(&taken, now), taken)));
            }
            let Some(Reverse((done, taken))) = running.pop() else { break };
            self.shards[taken.shard].taken[taken.lane as usize] -= 1;
            // Nothing is seen to be done while the index is looked at.
            now = now.max(done);
        }
        for taken in line.waiting {
            let shard = &mut self.shards[taken.shard];
            shard.taken[taken.lane as usize] -= 1;
            shard.lanes[taken.lane as usize].push(Reverse((taken.due, taken.connection)));
        }
        now
    }

    /// Looks for due connections. The index shows first those that are under way, the longest overdue: a share comes on top of them.
    fn refill(&mut self, line: &mut Line, now: Moment, running: usize) {
        line.looks += 1;
        line.is_whole = true;
        let under_way = line.waiting.len() + running;
        let mut lanes = Vec::new();
        for lane in Lane::ALL {
            let share = match lane {
                Lane::Healthy => self.plan.healthy_per_shard,
                Lane::First | Lane::Failing => self.plan.others_per_shard,
            };
            let asked = share + under_way;
            let looks = self.shards.iter_mut().enumerate().map(|(shard, room)| room.look((shard, lane), asked, (line.tick, now)));
            let (shown, found): (Vec<usize>, Vec<Vec<Taken>>) = looks.unzip();
            line.is_whole &= shown.into_iter().sum::<usize>() < asked;
            lanes.push(schedule::in_turn(found));
        }
        let found = schedule::in_turn(lanes);
        line.is_whole |= found.is_empty() || line.looks >= self.plan.looks_max;
        line.waiting.extend(found);
    }

    /// Returns when it is done.
    fn check(&mut self, taken: &Taken, now: Moment) -> Moment {
        let shard = &mut self.shards[taken.shard];
        let id = &shard.ids[taken.connection as usize];
        let state = shard.states[taken.connection as usize];
        let reply = self.scenario.reply(id, now);
        let done = now + self.scenario.latency(reply, &mut self.chance);
        self.tally.check(taken.lane, self.scenario.late_from(taken.due, now), now, reply.requests());
        let (next, due) = self.rules.after(id, state, reply, time(done));
        shard.states[taken.connection as usize] = next;
        match (state, next) {
            (State::Doubted, State::Dead) => {
                let since = shard.doubted.remove(&taken.connection).unwrap_or(now);
                self.tally.second_verdict(now - since);
            }
            (_, State::Doubted) => {
                shard.doubted.entry(taken.connection).or_insert(done);
            }
            _ => {}
        }
        // The settling write takes the entry out of one place of the index, and puts it into another.
        shard.count(taken.lane, done);
        if let (Some(due), Some(lane)) = (due, next.lane()) {
            shard.wait(next, moment(due), taken.connection);
            shard.count(lane, done);
        }
        done
    }
}

impl Shard<'_> {
    /// How many of a lane the index shows, those under way included, and of them those that this tick had not seen, the longest overdue
    /// first.
    fn look(&mut self, (shard, lane): (usize, Lane), asked: usize, (tick, now): (u32, Moment)) -> (usize, Vec<Taken>) {
        let queue = &mut self.lanes[lane as usize];
        let mut shown = self.taken[lane as usize].min(asked);
        let (mut found, mut seen_before) = (Vec::new(), Vec::new());
        while shown < asked {
            match queue.peek() {
                Some(&Reverse((due, connection))) if due <= now => {
                    queue.pop();
                    shown += 1;
                    match std::mem::replace(&mut self.seen[connection as usize], tick) == tick {
                        true => seen_before.push(Reverse((due, connection))),
                        false => found.push(Taken { shard, lane, due, connection }),
                    }
                }
                _ => break,
            }
        }
        queue.extend(seen_before);
        self.taken[lane as usize] += found.len();
        (shown, found)
    }

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
