//! What happens in a customer's directory while it is synced.

use std::sync::{Mutex, PoisonError};

use entra_simulator::{Act, RetryAfter, Simulator};
use serde_json::{Map, json};
use uuid::Uuid;

use crate::chance::Seeded;

/// Nobody joins where so many are.
const PEOPLE_MAX: usize = 14;

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stir {
    Title,
    Manager,
    Joins,
    Leaves,
    Returns,
    Purged,
    DeltaTokensExpire,
    Reset,
    PageTokensExpire,
    Marks,
    EmptyPage,
    Repeats,
    Shuffles,
    RemovedFirst,
    Throttle,
    PageSize,
}

/// How often which comes, in a hundred.
const OFTEN: [(Stir, u64); 16] = [
    (Stir::Title, 25),
    (Stir::Manager, 8),
    (Stir::Joins, 10),
    (Stir::Leaves, 12),
    (Stir::Returns, 10),
    (Stir::Purged, 3),
    (Stir::DeltaTokensExpire, 4),
    (Stir::Reset, 4),
    (Stir::PageTokensExpire, 4),
    (Stir::Marks, 4),
    (Stir::EmptyPage, 3),
    (Stir::Repeats, 3),
    (Stir::Shuffles, 2),
    (Stir::RemovedFirst, 2),
    (Stir::Throttle, 3),
    (Stir::PageSize, 3),
];

/// What happened so far, in all directories.
#[derive(Default)]
pub struct Stirs(Mutex<State>);

#[derive(Default)]
struct State {
    titles: u32,
    /// Who is deleted and may come back.
    deleted: Vec<(Uuid, Uuid)>,
}

impl Stirs {
    /// Lets something happen in a tenant; tells what.
    ///
    /// # Panics
    /// When the simulated Entra refuses it.
    pub fn stir(&self, simulator: &Simulator, (tenant, admin): (Uuid, Uuid), chance: &Seeded) -> String {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let acts = state.acts(simulator, (tenant, admin), chance);
        for act in &acts {
            let touched = simulator.work(tenant, act.clone()).unwrap_or_else(|error| panic!("{act:?}: {error}"));
            if matches!(act, Act::DeletePeople { .. }) {
                state.deleted.extend(touched.into_iter().map(|user| (tenant, user)));
            }
        }
        format!("{acts:?}")
    }
}

impl State {
    fn acts(&mut self, simulator: &Simulator, (tenant, admin): (Uuid, Uuid), chance: &Seeded) -> Vec<Act> {
        let people: Vec<Uuid> = simulator.directory(tenant).iter().filter_map(|person| person["id"].as_str()?.parse().ok()).collect();
        let somebody = || people.get(place(chance, people.len())).copied().unwrap_or(admin);
        let count = u32::try_from(1 + chance.below(2)).unwrap_or(1);
        let on = chance.happens(500);
        match chance.among(&OFTEN) {
            Stir::Title => (0..=count).map(|_| self.title(somebody())).collect(),
            Stir::Manager => vec![Act::SetManager { user: somebody(), manager: on.then(somebody) }],
            Stir::Joins if people.len() < PEOPLE_MAX => vec![Act::AddPeople { count }],
            Stir::Joins | Stir::Leaves => vec![Act::DeletePeople { count }],
            Stir::Returns => self.take_deleted(tenant, chance).map(|user| Act::RestoreUser { user }).into_iter().collect(),
            Stir::Purged => self.take_deleted(tenant, chance).map(|user| Act::PurgeUser { user }).into_iter().collect(),
            Stir::DeltaTokensExpire => vec![Act::ExpireDeltaTokens],
            Stir::Reset => vec![Act::ResetDelta],
            Stir::PageTokensExpire => vec![Act::ExpireSkipTokens],
            Stir::Marks => vec![Act::RefuseMarks { on }],
            Stir::EmptyPage => vec![Act::EmptyPages { pages: 1 }],
            Stir::Repeats => vec![Act::RepeatPeople { on }],
            Stir::Shuffles => vec![Act::ShufflePages { on }],
            Stir::RemovedFirst => vec![Act::RemovedInFirstRound { on }],
            Stir::Throttle => vec![Act::ThrottleGraph { requests: 1, retry_after: RetryAfter::Seconds(5) }],
            Stir::PageSize => vec![Act::PageSize { people: 1 + count }],
        }
    }

    /// A title that nobody ever had, so that no state of a person comes twice.
    fn title(&mut self, user: Uuid) -> Act {
        self.titles += 1;
        let properties = Map::from_iter([("jobTitle".to_owned(), json!(format!("Title {}", self.titles)))]);
        Act::ChangeUser { user, properties }
    }

    fn take_deleted(&mut self, tenant: Uuid, chance: &Seeded) -> Option<Uuid> {
        let here: Vec<usize> = (0..self.deleted.len()).filter(|place| self.deleted[*place].0 == tenant).collect();
        let place = here.get(place(chance, here.len())).copied()?;
        Some(self.deleted.swap_remove(place).1)
    }
}

fn place(chance: &Seeded, length: usize) -> usize {
    usize::try_from(chance.below(length as u64)).unwrap_or_default()
}
