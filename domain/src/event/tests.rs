//! One event for each real change: the table of cases, and what must hold for any images.

use super::*;
use proptest::prelude::*;

fn id(number: u128) -> ObjectId {
    ObjectId(uuid::Uuid::from_u128(number))
}

fn person(attributes: &[(&str, &str)], manager: Option<u128>) -> Person {
    let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), Value::Text((*value).to_owned())));
    Person { id: id(1), attributes: attributes.collect(), manager: manager.map(id) }
}

fn shown(attributes: &[(&str, &str)], manager: Option<u128>) -> Record {
    Record { person: person(attributes, manager), visibility: Visibility::Shown }
}

fn hidden(attributes: &[(&str, &str)]) -> Record {
    Record { person: person(attributes, None), visibility: Visibility::Hidden }
}

fn names(happening: Option<Happening>) -> (bool, Vec<String>) {
    let present = happening.and_then(|happening| happening.present(Telling::Names)).expect("somebody is there");
    (present.is_new, present.attributes.into_iter().collect())
}

#[test]
fn a_new_person_is_told_with_everything_that_is_set() {
    let ada = shown(&[("mail", "ada@b"), ("city", "Oslo")], Some(2));
    let told = names(happening(None, Some(&ada)));
    assert_eq!(told, (true, vec!["city".to_owned(), "mail".to_owned(), "manager".to_owned()]));
}

#[test]
fn a_change_is_told_by_the_names_that_were_set_changed_or_cleared() {
    let old = shown(&[("city", "Oslo"), ("mail", "a@b"), ("state", "X")], None);
    let new = shown(&[("city", "Bergen"), ("mail", "a@b"), ("surname", "L")], None);
    assert_eq!(names(happening(Some(&old), Some(&new))), (false, ["city", "state", "surname"].map(str::to_owned).to_vec()));
}

#[test]
fn a_manager_is_told_when_set_changed_and_cleared() {
    let images = [None, Some(2), Some(3), None].map(|manager| shown(&[("city", "Oslo")], manager));
    for pair in images.windows(2) {
        assert_eq!(names(happening(Some(&pair[0]), Some(&pair[1]))), (false, vec!["manager".to_owned()]));
    }
}

#[test]
fn who_is_hidden_is_removed_and_who_is_shown_again_is_new() {
    let (seen, unseen) = (shown(&[("city", "Oslo")], None), hidden(&[("city", "Oslo")]));
    assert_eq!(happening(Some(&seen), Some(&unseen)), Some(Happening::Removed));
    assert_eq!(names(happening(Some(&unseen), Some(&seen))), (true, vec!["city".to_owned()]));
    assert_eq!(happening(Some(&seen), None), Some(Happening::Removed));
}

#[test]
fn nobody_is_told_of_somebody_hidden() {
    let (one, other) = (hidden(&[("city", "Oslo")]), hidden(&[("city", "Bergen")]));
    for (old, new) in [(None, Some(&one)), (Some(&one), Some(&other)), (Some(&one), None), (None, None)] {
        assert_eq!(happening(old, new), None);
    }
}

#[test]
fn an_event_says_what_its_schema_says() {
    let happening = happening(Some(&shown(&[("city", "Oslo")], None)), Some(&shown(&[], Some(7)))).expect("a change");
    let detail = |telling| Detail {
        version: VERSION,
        id: EventId::of_record("c4ca4238a0b923820dcc509a6f75849b"),
        origin: Origin { connection: ConnectionId::mint([1; 16]), customer: "acme".parse().ok(), tenant: None },
        person: id(1),
        changed_at: Timestamp::UNIX_EPOCH,
        present: happening.present(telling),
    };
    let bare = serde_json::json!({
        "version": 1,
        "id": "evt-c4ca4238a0b923820dcc509a6f75849b",
        "connection": ConnectionId::mint([1; 16]),
        "customer": "acme",
        "person": "00000000-0000-0000-0000-000000000001",
        "changed_at": "1970-01-01T00:00:00Z",
        "is_new": false,
        "attributes": ["city", "manager"],
    });
    assert_eq!(serde_json::to_value(detail(Telling::Names)).expect("it is JSON"), bare);
    let mut full = bare;
    full["values"] = serde_json::json!({"city": null, "manager": "00000000-0000-0000-0000-000000000007"});
    assert_eq!(serde_json::to_value(detail(Telling::Values)).expect("it is JSON"), full);
    let removed = Detail { present: Happening::Removed.present(Telling::Values), ..detail(Telling::Names) };
    let removed = serde_json::to_value(removed).expect("it is JSON");
    assert_eq!((removed.get("is_new"), removed.get("attributes"), removed.get("values")), (None, None, None));
}

fn any_visibility() -> impl Strategy<Value = Visibility> {
    prop_oneof![Just(Visibility::Shown), Just(Visibility::Hidden)]
}

fn any_image() -> impl Strategy<Value = Option<Record>> {
    let value = prop_oneof![
        "[a-b]{1}".prop_map(Value::Text),
        any::<bool>().prop_map(Value::Flag),
        proptest::collection::vec("[a-b]{1}".prop_map(Value::Text), 0..3).prop_map(Value::List),
        proptest::collection::btree_map("[p-q]{1}", proptest::option::of("[a-b]{1}".prop_map(Value::Text)), 0..3).prop_map(Value::Record),
    ];
    let attributes = proptest::collection::btree_map("[w-z]{1}", value, 0..4);
    let manager = proptest::option::of((0_u128..3).prop_map(id));
    let image = (attributes, manager, any_visibility())
        .prop_map(|(attributes, manager, visibility)| Record { person: Person { id: id(1), attributes, manager }, visibility });
    proptest::option::weighted(0.8, image)
}

/// What somebody knows who knows nothing but the events with their values.
fn hear(known: &mut Option<BTreeMap<String, Value>>, happening: Happening) {
    match happening {
        Happening::Removed => *known = None,
        Happening::Appeared(changes) => *known = Some(changes.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()),
        Happening::Changed(changes) => {
            let known = known.as_mut().expect("a change is of somebody known");
            for (name, value) in changes {
                match value {
                    Some(value) => known.insert(name, value),
                    None => known.remove(&name),
                };
            }
        }
    }
}

proptest! {
    #[test]
    fn the_same_image_again_is_nothing(image in any_image()) {
        prop_assert_eq!(happening(image.as_ref(), image.as_ref()), None);
    }

    #[test]
    fn whoever_hears_every_event_knows_what_is_shown(images in proptest::collection::vec(any_image(), 0..12)) {
        let (mut before, mut known) = (None, None);
        for image in images {
            if let Some(happening) = happening(before.as_ref(), image.as_ref()) {
                let knew = known.clone();
                hear(&mut known, happening);
                prop_assert_ne!(&knew, &known, "an event without news");
            }
            let is_shown = |image: &&Record| image.visibility == Visibility::Shown;
            let expected = image.as_ref().filter(is_shown).map(|image| {
                let mut all = image.person.attributes.clone();
                all.extend(image.person.manager.map(|manager| ("manager".to_owned(), Value::Text(manager.to_string()))));
                all
            });
            prop_assert_eq!(&known, &expected);
            before = image;
        }
    }

    #[test]
    fn exactly_the_names_that_differ_are_told(old in any_image(), new in any_image()) {
        let (Some(old), Some(new)) = (old, new) else { return Ok(()) };
        let (old, new) = [old, new].map(|image| Record { visibility: Visibility::Shown, ..image }).into();
        let told = happening(Some(&old), Some(&new)).and_then(|happening| happening.present(Telling::Names));
        let told = told.map(|present| present.attributes).unwrap_or_default();
        for name in ["w", "x", "y", "z"] {
            prop_assert_eq!(told.contains(name), old.person.attributes.get(name) != new.person.attributes.get(name));
        }
        prop_assert_eq!(told.contains("manager"), old.person.manager != new.person.manager);
    }
}
