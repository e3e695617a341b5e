//! Which calls to AWS a function can make, and which variables it reads, as its sources and those of `adapters` say.
//!
//! Everything in a function's crate counts, and whatever of `adapters` can be reached from there. A call by path is followed by its last
//! two words. A method is followed by who it is spoken to: [`SPOKEN`] says which type stands behind a name; a name that is not in it leads
//! on only where one type alone has such a method. So the names that the house gives its ports are part of the proof.

use std::collections::{BTreeSet, VecDeque};

use super::steps::{Call, Step, steps};
use crate::tree::File;

/// Who is spoken to by a name, in the cloud.
const SPOKEN: [(&str, &str); 15] = [
    ("bus", "EventBridgeBus"),
    ("certificate", "SigningCertificate"),
    ("credential", "Credential"),
    ("credentials", "Credentials"),
    ("entra", "Entra"),
    ("graph", "Graph"),
    ("hooks", "Hooks"),
    ("identity", "FederatedIdentity"),
    ("mailer", "Mailer"),
    ("objects", "S3Objects"),
    ("outbox", "CloudOutbox"),
    ("queue", "SqsQueue"),
    ("signer", "KmsKey"),
    ("store", "Store"),
    ("vault", "KmsVault"),
];

/// Operations of the clients, and what permits them. A transaction needs what its parts need.
/// Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html>
const OPERATIONS: [(&str, Option<&str>); 26] = [
    ("batch_get_item", Some("dynamodb:BatchGetItem")),
    ("batch_write_item", Some("dynamodb:BatchWriteItem")),
    ("create_table", Some("dynamodb:CreateTable")),
    ("decrypt", Some("kms:Decrypt")),
    ("delete_item", Some("dynamodb:DeleteItem")),
    ("delete_object", Some("s3:DeleteObject")),
    ("describe_key", Some("kms:DescribeKey")),
    ("describe_table", Some("dynamodb:DescribeTable")),
    // Of the OAuth client, which asks Entra.
    ("exchange_client_credentials", None),
    ("generate_data_key", Some("kms:GenerateDataKey")),
    ("get_item", Some("dynamodb:GetItem")),
    ("get_object", Some("s3:GetObject")),
    ("get_public_key", Some("kms:GetPublicKey")),
    ("get_web_identity_token", Some("sts:GetWebIdentityToken")),
    ("list_objects_v2", Some("s3:ListBucket")),
    ("put_events", Some("events:PutEvents")),
    ("put_item", Some("dynamodb:PutItem")),
    ("put_object", Some("s3:PutObject")),
    ("query", Some("dynamodb:Query")),
    ("scan", Some("dynamodb:Scan")),
    ("send_email", Some("ses:SendEmail")),
    ("send_message", Some("sqs:SendMessage")),
    ("sign", Some("kms:Sign")),
    ("transact_write_items", None),
    ("update_item", Some("dynamodb:UpdateItem")),
    ("update_table", Some("dynamodb:UpdateTable")),
];

/// What a function can do outside.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Actions with what they are done to: a table (`connections`), one of its indexes (`connections/by-work`), or nothing that is known.
    pub(crate) actions: BTreeSet<(String, String)>,
    /// Operations that nobody told the action of.
    pub(crate) unknown: BTreeSet<String>,
    /// Texts in the sources: names of variables among them.
    pub(crate) words: BTreeSet<String>,
    /// Purposes of the secrets that are sealed and opened.
    pub(crate) purposes: BTreeSet<String>,
}

/// What the crate `functions/NAME` can do outside, out of all sources.
pub(crate) fn reach(files: &[File], name: &str) -> Reach {
    let adapters = steps(files, "adapters");
    let own = steps(files, name);
    let mut reached: BTreeSet<usize> = BTreeSet::new();
    let mut left: VecDeque<&Step> = own.iter().collect();
    while let Some(step) = left.pop_front() {
        for call in &step.calls {
            for found in led_to(&adapters, &own, (step, call)) {
                if reached.insert(found) {
                    left.push_back(&adapters[found]);
                }
            }
        }
    }
    let mut reach = Reach::default();
    for step in own.iter().chain(reached.iter().map(|index| &adapters[*index])) {
        reach.add(step, &adapters);
    }
    reach
}

impl Reach {
    fn add(&mut self, step: &Step, all: &[Step]) {
        self.words.extend(step.words.iter().cloned());
        self.purposes.extend(step.purposes.iter().cloned());
        for part in &step.parts {
            self.actions.extend(step.tables.iter().map(|table| (part.clone(), table.clone())));
        }
        for operation in &step.operations {
            match OPERATIONS.iter().find(|(known, _)| known == operation) {
                None => {
                    self.unknown.insert(format!("{operation} in {}", step.file));
                }
                Some((_, None)) => {}
                Some((_, Some(action))) => {
                    self.actions.extend(step.places(action, all).into_iter().map(|place| ((*action).to_owned(), place)))
                }
            }
        }
    }
}

impl Step {
    /// What an action is done to. A write that is handed over is done to the table for which it was built.
    fn places(&self, action: &str, all: &[Step]) -> Vec<String> {
        if !action.starts_with("dynamodb:") {
            return vec![String::new()];
        }
        if !self.names_an_index {
            return self.tables.iter().cloned().collect();
        }
        let in_this_file = || all.iter().filter(|step| step.file == self.file).flat_map(|step| &step.words);
        let chosen = || in_this_file().filter(|word| word.starts_with("by-")).cloned().collect();
        let indexes: BTreeSet<String> = if self.indexes.is_empty() { chosen() } else { self.indexes.clone() };
        self.tables.iter().flat_map(|table| indexes.iter().map(move |index| format!("{table}/{index}"))).collect()
    }
}

/// The steps of `all` that a call in `from` may mean. A name that is nobody's in [`SPOKEN`] means a step of the crate itself first.
fn led_to(all: &[Step], own: &[Step], (from, call): (&Step, &Call)) -> Vec<usize> {
    match call {
        Call::Method { receiver, name } => {
            let owner = match receiver.as_str() {
                "self" => from.owner.as_deref(),
                receiver => SPOKEN.iter().find(|(spoken, _)| *spoken == receiver).map(|(_, owner)| *owner),
            };
            if let Some(owner) = owner {
                return those(all, |step| step.owner.as_deref() == Some(owner) && step.name == *name);
            }
            if own.iter().any(|step| step.owner.is_some() && step.name == *name) {
                return Vec::new();
            }
            let owners: BTreeSet<_> = all.iter().filter(|step| step.name == *name).filter_map(|step| step.owner.as_deref()).collect();
            match owners.len() {
                1 => those(all, |step| step.owner.is_some() && step.name == *name),
                _ => Vec::new(),
            }
        }
        Call::Path(segments) => led_to_by_path(all, from, segments),
    }
}

fn led_to_by_path(all: &[Step], from: &Step, segments: &[String]) -> Vec<usize> {
    match segments {
        [] => Vec::new(),
        [name] => {
            let here = those(all, |step| step.owner.is_none() && step.name == *name && step.file == from.file);
            let anywhere = those(all, |step| step.owner.is_none() && step.name == *name);
            match (here.is_empty(), anywhere.len()) {
                (false, _) => here,
                (true, 1) => anywhere,
                _ => Vec::new(),
            }
        }
        [.., before, name] => {
            let owner = if before == "Self" { from.owner.as_deref() } else { Some(before.as_str()) };
            let is_near = ["self", "super", "crate"].contains(&before.as_str());
            let is_home = |step: &Step| is_near || module(&step.file) == before;
            those(all, |step| step.name == *name && if step.owner.is_some() { step.owner.as_deref() == owner } else { is_home(step) })
        }
    }
}

fn those(all: &[Step], is_meant: impl Fn(&Step) -> bool) -> Vec<usize> {
    all.iter().enumerate().filter(|(_, step)| is_meant(step)).map(|(index, _)| index).collect()
}

/// The module that a file is: its name without the ending.
fn module(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file).trim_end_matches(".rs")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    const STORE: &str = "impl Store { pub async fn take(&self) { self.client.update_item().table_name(&self.connections); self.tell() }
        fn tell(&self) { Put::builder().table_name(&self.connections); }
        fn due(&self) { self.client.query().table_name(&self.connections).index_name(\"by-work\"); }
        fn erase(&self) { self.client.delete_item().table_name(&self.people); } }";
    const VAULT: &str =
        "impl Vault for KmsVault { fn open(&self) { self.client.decrypt() } fn seal(&self) { self.client.generate_data_key() } }
        pub fn open_text(vault: &dyn Vault) { vault.open() }
        impl Vault for LocalVault { fn open(&self) { self.client.put_object() } }";

    fn reached(source: &str) -> Reach {
        let files = [
            example("functions/adapters/src/store.rs", STORE),
            example("functions/adapters/src/vault.rs", VAULT),
            example("functions/late/src/lib.rs", source),
        ];
        reach(&files, "late")
    }

    fn actions(source: &str) -> Vec<String> {
        reached(source).actions.into_iter().map(|(action, place)| format!("{action} {place}").trim().to_owned()).collect()
    }

    #[test]
    fn a_call_is_followed_to_the_operation_and_its_table() {
        let taken = ["dynamodb:PutItem connections", "dynamodb:UpdateItem connections"];
        assert_eq!(actions("async fn go(ports: &Ports) { ports.store.take().await }"), taken);
        assert_eq!(actions("fn go(store: &Store) { store.due() }"), ["dynamodb:Query connections/by-work"]);
        assert_eq!(actions("fn go(anybody: &Store) { join!(anybody.due(), 1) }"), ["dynamodb:Query connections/by-work"]);
    }

    #[test]
    fn a_port_is_the_one_of_the_cloud_and_nothing_else_is_reached() {
        assert_eq!(actions("fn go(ports: &Ports) { vault::open_text(ports.vault.as_ref()) }"), ["kms:Decrypt"]);
        assert_eq!(actions("fn go(file: &File) { file.open() }"), [""; 0]);
        assert_eq!(actions("impl Shop { fn erase(&self) {} } fn go(shop: &Shop) { shop.erase() }"), [""; 0]);
        assert_eq!(actions("#[cfg(test)] mod tests { fn go(store: &Store) { store.take() } }"), [""; 0]);
    }

    #[test]
    fn an_operation_without_an_action_is_told() {
        assert_eq!(
            reached("fn go(client: &Client) { client.drop_everything() }").unknown,
            BTreeSet::from(["drop_everything in functions/late/src/lib.rs".into()])
        );
    }

    #[test]
    fn words_and_purposes_are_collected_from_whatever_is_reached() {
        let reach = reached("const KEY: &str = \"EVERGRANT_KEY\"; fn go() { format!(\"{}\", KEY); seal(Purpose::RefreshToken) }");
        assert!(reach.words.contains("EVERGRANT_KEY"), "{reach:?}");
        assert_eq!(reach.purposes, BTreeSet::from(["refresh-token".to_owned()]));
    }
}
