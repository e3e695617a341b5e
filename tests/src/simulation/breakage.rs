//! What the simulation must notice: ways to break checks and sync. Each is done at a seam, so that production code knows nothing of them,
//! and each is noticed by the rule beside it; `cargo xtask simulate --teeth` says at which seed.

mod sync;

use adapters::vault::{Binding, Purpose};
use serde_json::{Value, json};

use super::plan::{Directory, Plan};
use super::watch::Rule;

macro_rules! breakages {
    ($($(#[doc = $doc:literal])* $name:ident noticed by $($rule:ident)|+,)*) => {
        /// A way to break checks or sync.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Breakage {
            $($(#[doc = $doc])* #[doc = concat!(" Noticed by ", stringify!($($rule)|+), ".")] $name,)*
        }

        /// All of them.
        pub const BREAKAGES: &[Breakage] = &[$(Breakage::$name),*];

        impl Breakage {
            /// The rules that notice it.
            #[must_use]
            pub fn rules(self) -> &'static [Rule] {
                match self {
                    $(Self::$name => &[$(Rule::$rule),+],)*
                }
            }
        }
    };
}

breakages! {
    /// A write under a lease does not ask for its fence.
    FenceIgnored noticed by I1 | I3 | I4 | I8,
    /// Taking a lease does not raise the fence.
    FenceStands noticed by I1 | I3 | I4 | I8,
    /// A lease is taken although somebody holds it.
    LeaseIgnored noticed by I2 | Seldom,
    /// A lease lasts three seconds.
    LeaseShort noticed by I2 | Seldom,
    /// A lease is never given back.
    LeaseKept noticed by I5 | I9,
    /// The pointer is written before the token.
    PointerFirst noticed by I3,
    /// A new token is not stored, and nobody says so.
    TokenDropped noticed by I3,
    /// A new token replaces the current one in its own place.
    TokenInPlace noticed by I3,
    /// A token is stored whatever newer one is there.
    TokenUnconditional noticed by I1 | I3,
    /// A token is stored over a newer one than the pointer's, which nothing points to yet.
    TokenUnpointed noticed by I3,
    /// The previous token is given up before the new one has worked.
    PreviousDropped noticed by I3,
    /// A change of health owes no notice.
    NoticeForgotten noticed by I8,
    /// A change of health owes two notices.
    NoticeTwice noticed by I8,
    /// Work is due again at once.
    WorkStays noticed by Seldom,
    /// Work that was done is never due again.
    WorkRemoved noticed by I9,
    /// Work is put off for a month.
    WorkPutOff noticed by I9,
    /// A read answers what stood there before.
    StaleReads noticed by I1 | I3 | I4,
    /// A write whose answer is lost counts as done.
    LostIsDone noticed by I3 | I5 | I8 | I9,
    /// An older token is used although a newer one is there.
    OlderToken noticed by I4,
    /// A throttle counts as a dead token.
    LoopIsDeath noticed by I4,
    /// An outage counts as a dead token.
    OutageIsDeath noticed by I4,
    /// No answer counts as a dead token.
    SilenceIsDeath noticed by I4,
    /// The operator's secret counts as a dead token.
    SecretIsDeath noticed by I4,
    /// A block counts as a dead token.
    BlockIsDeath noticed by I4,
    /// A block, and every other refusal, counts as a throttle.
    RefusalIsNothing noticed by I5 | Seldom,
    /// What is sealed for one connection opens for all.
    VaultUnbound noticed by I7,
    /// Nothing is sealed.
    VaultOpen noticed by I6,
    /// Answers are logged.
    TokensLogged noticed by I6,
    /// The walk moves before the people of its page are stored.
    WalkFirst noticed by I10,
    /// Whom a page says to be gone is not noted.
    RemovalsDropped noticed by I10,
    /// A page is skipped.
    PageSkipped noticed by I10,
    /// A list counts as read when its first page is.
    RoundCutShort noticed by I10,
    /// People are stored twice, the second time as if they had changed.
    PeopleTwice noticed by I11,
    /// Whoever is stored is taken for somebody new.
    PeopleUnread noticed by I10 | I11,
    /// A message begins a round although none is due.
    RoundAnyTime noticed by I11,
    /// A walk is taken although somebody holds it, and moved without asking for its fence.
    WalkShared noticed by I10 | I11,
}

impl Breakage {
    /// The plan of a seed, on which this breakage can show.
    #[must_use]
    pub fn plan(self, seed: u64) -> Plan {
        let mut plan = Plan::of(seed);
        plan.lingers |= self.rules().contains(&Rule::Seldom);
        plan.directory = self.is_of_sync().then(|| Directory::of(seed));
        plan
    }

    /// Whether it breaks the sync.
    fn is_of_sync(self) -> bool {
        self.rules().iter().any(|rule| matches!(rule, Rule::I10 | Rule::I11))
    }

    /// Bends what is asked of DynamoDB.
    pub(super) fn bend(self, operation: &str, request: &mut Value, now_milliseconds: i64) {
        match self {
            Self::NoticeForgotten => actions(request, |actions| actions.retain(|action| action.get("Put").is_none())),
            Self::NoticeTwice => actions(request, |actions| {
                let second = actions.iter().find(|action| action.get("Put").is_some()).cloned();
                actions.extend(second.map(|mut put| {
                    let sk = format!("{}-again", put["Put"]["Item"]["sk"]["S"].as_str().unwrap_or_default());
                    put["Put"]["Item"]["sk"] = json!({"S": sk});
                    put
                }));
            }),
            Self::TokenUnconditional if is_token(operation, request) => store_anyway(request),
            Self::TokenUnpointed if is_token(operation, request) => {
                request["ConditionExpression"] = json!("attribute_not_exists(pk) OR generation <= :generation");
                request["ExpressionAttributeValues"] = json!({":generation": request["Item"]["generation"]});
            }
            Self::TokenInPlace if is_token(operation, request) => {
                store_anyway(request);
                request["Item"]["sk"] = json!({"S": "grant#0"});
                request["Item"]["slot"] = json!({"N": "0"});
            }
            _ if self.is_of_sync() => self.bend_sync(operation, request),
            _ if operation == "UpdateItem" => self.bend_update(request, now_milliseconds),
            _ => actions(request, |actions| {
                let updates = actions.iter_mut().filter_map(|action| action.get_mut("Update"));
                updates.for_each(|update| self.bend_update(update, now_milliseconds));
            }),
        }
    }

    fn bend_update(self, update: &mut Value, now: i64) {
        let is_settling = update["ConditionExpression"] == "fence = :fence" && update["Key"]["sk"]["S"] == "connection";
        let is_taking = update["UpdateExpression"].as_str().is_some_and(|expression| expression.contains("ADD fence :one"));
        let values = |name: &str| format!("/ExpressionAttributeValues/{name}");
        let mut set = |name: &str, value: i64| {
            if let Some(place) = update.pointer_mut(&values(name)) {
                *place = json!({"N": value.to_string()});
            }
        };
        match self {
            Self::LeaseShort if is_taking => set(":until", now + 3_000),
            Self::FenceStands if is_taking => set(":one", 0),
            Self::LeaseKept if is_settling => set(":until", now + 36_000_000),
            Self::WorkStays if is_settling => set(":work_at", now),
            Self::WorkPutOff if is_settling => set(":work_at", now + 2_600_000_000),
            Self::LeaseIgnored if is_taking => replace(update, "ConditionExpression", " AND lease_until < :now", ""),
            Self::FenceIgnored if is_settling => {
                replace(update, "ConditionExpression", "fence = :fence", "fence >= :fence OR fence < :fence");
            }
            Self::WorkRemoved if is_settling => {
                replace(update, "UpdateExpression", ", #work = :work, work_at = :work_at", " REMOVE #work, work_at");
            }
            Self::PreviousDropped if is_settling => bend_body(update, |body| body["grant"]["previous"] = Value::Null),
            Self::TokenInPlace if is_settling => bend_body(update, |body| body["grant"]["current"]["slot"] = json!(0)),
            _ => {}
        }
    }

    /// Whether a request is answered as done, and not done.
    pub(super) fn pretends(self, operation: &str, request: &Value) -> bool {
        self == Self::TokenDropped && is_token(operation, request)
    }

    /// Whether a request is held back until the connection is settled.
    pub(super) fn holds_back(self, operation: &str, request: &Value) -> bool {
        (self == Self::PointerFirst && is_token(operation, request)) || (self == Self::WalkFirst && operation == "BatchWriteItem")
    }

    /// The sort key of the item whose write lets go what is held back.
    pub(super) fn lets_go(self) -> &'static str {
        if self == Self::WalkFirst { "walk" } else { "connection" }
    }

    /// Bends what DynamoDB answers to reads of many items.
    pub(super) fn shows(self, answer: &mut Value) {
        self.shows_sync(answer);
        let tables = answer.get_mut("Responses").and_then(Value::as_object_mut).into_iter().flat_map(|tables| tables.values_mut());
        for item in tables.filter_map(Value::as_array_mut).flatten() {
            if self == Self::LeaseIgnored && !item["lease_until"].is_null() {
                item["lease_until"] = json!({"N": "0"});
            }
        }
    }

    /// Bends Entra's answer to a refresh; no answer is status 0.
    pub(super) fn bend_answer(self, status: u16, body: &Value) -> Option<(u16, Value)> {
        let codes: Vec<u64> = body["error_codes"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
        let is_meant = match self {
            Self::LoopIsDeath => codes.contains(&50196),
            Self::OutageIsDeath => status >= 500 || status == 429 || (status == 200 && body.is_null()),
            Self::SilenceIsDeath => status == 0,
            Self::SecretIsDeath => body["error"] == "invalid_client",
            Self::BlockIsDeath => codes.contains(&53003),
            Self::RefusalIsNothing if (400..500).contains(&status) => return Some((503, json!({}))),
            _ => false,
        };
        is_meant.then(|| (400, dead_token()))
    }

    /// What a vault that breaks binds to.
    pub(super) fn binding(self, binding: &Binding) -> Binding {
        match self {
            Self::VaultUnbound => Binding::new(&domain::ids::ConnectionId::mint([0; 16]), Purpose::RefreshToken),
            _ => binding.clone(),
        }
    }
}

/// Entra's answer about a token that is dead for good.
pub(super) fn dead_token() -> Value {
    json!({
        "error": "invalid_grant", "suberror": "bad_token", "error_codes": [70000],
        "error_description": "AADSTS70000: The provided value for the input parameter 'refresh_token' is not valid.",
    })
}

fn is_token(operation: &str, request: &Value) -> bool {
    operation == "PutItem" && request["Item"]["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("grant#"))
}

fn store_anyway(request: &mut Value) {
    if let Some(fields) = request.as_object_mut() {
        fields.remove("ConditionExpression");
        fields.remove("ExpressionAttributeValues");
    }
}

fn actions(request: &mut Value, bend: impl FnOnce(&mut Vec<Value>)) {
    if let Some(actions) = request.get_mut("TransactItems").and_then(Value::as_array_mut) {
        bend(actions);
    }
}

fn replace(update: &mut Value, name: &str, from: &str, to: &str) {
    let bent = update[name].as_str().map(|text| text.replace(from, to));
    update[name] = json!(bent);
}

fn bend_body(update: &mut Value, bend: impl FnOnce(&mut Value)) {
    let place = &mut update["ExpressionAttributeValues"][":body"]["S"];
    let Some(mut body) = place.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok()) else { return };
    if !body["grant"].is_null() {
        bend(&mut body);
        *place = json!(body.to_string());
    }
}
