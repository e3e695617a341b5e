//! The catalogue pinned, names as people write them, and choices.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::ids::ObjectId;
use crate::person::{Person, Value};

const APP: &str = "0123456789abcdef0123456789abcdef";

/// Every code that was ever given, by name. A row is never changed: stored people are read by it.
const CODES: &str = "
    ae accountEnabled, ag ageGroup, al assignedLicenses, ap assignedPlans, bp businessPhones, cd createdDateTime, ci city,
    cm consentProvidedForMinor, cn companyName, co country, ct creationType, de department, dl preferredDataLocation, dn displayName,
    ec externalUserStateChangeDateTime, eh employeeHireDate, ei employeeId, eo employeeOrgData, es externalUserState, et employeeType,
    fn faxNumber, gn givenName, im imAddresses, in identities, jt jobTitle, lg legalAgeGroupClassification, lp lastPasswordChangeDateTime,
    ma mail, mn mailNickname, mp mobilePhone, mr isManagementRestricted, ol officeLocation, om otherMails, pa proxyAddresses,
    pc postalCode, pd onPremisesDomainName, pe onPremisesProvisioningErrors, pi onPremisesImmutableId, pl preferredLanguage,
    pn onPremisesDistinguishedName, pp passwordPolicies, ps onPremisesSamAccountName, pt onPremisesLastSyncDateTime,
    pu onPremisesUserPrincipalName, pv provisionedPlans, px onPremisesSecurityIdentifier, py onPremisesSyncEnabled, sa streetAddress,
    se serviceProvisioningErrors, si securityIdentifier, sn surname, st state, sv signInSessionsValidFromDateTime, ul usageLocation,
    up userPrincipalName, ut userType, xa onPremisesExtensionAttributes";

fn named(names: &[&str]) -> BTreeSet<AttributeName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn draft(names: &[&str]) -> Draft {
    Draft { attributes: names.iter().map(|name| (*name).to_owned()).collect(), ..Draft::default() }
}

fn chosen(names: &[&str]) -> Choice {
    draft(names).try_into().unwrap()
}

fn leaving_out(leave_out: LeaveOut) -> Choice {
    Draft { leave_out, ..Draft::default() }.try_into().unwrap()
}

fn refused(text: &str) -> String {
    text.parse::<AttributeName>().unwrap_err().to_string()
}

#[test]
fn codes_are_the_ones_that_stored_people_are_read_by() {
    let pinned: BTreeMap<&str, &str> = CODES.split(',').filter_map(|row| row.trim().split_once(' ')).collect();
    let catalogue: BTreeMap<&str, &str> = CATALOGUE.iter().map(|attribute| (attribute.code, attribute.name)).collect();
    assert_eq!(catalogue, pinned);
    assert_eq!(catalogue.len(), CATALOGUE.len(), "a code is one attribute's alone");
}

#[test]
fn the_catalogue_is_in_the_order_that_it_is_searched_in() {
    assert!(CATALOGUE.is_sorted_by(|before, after| before.name < after.name));
    assert!(NOT_SYNCED.is_sorted_by(|before, after| before.0 < after.0));
    for attribute in CATALOGUE {
        assert_eq!(find(attribute.name), Some(attribute));
        assert!(NOT_SYNCED.iter().all(|(name, _)| *name != attribute.name), "{} is synced or it is not", attribute.name);
    }
}

#[test]
fn a_code_and_a_name_lead_to_one_another() {
    for attribute in CATALOGUE {
        assert_eq!((code(attribute.name), name(attribute.code)), (attribute.code, attribute.name));
        assert_eq!(name(attribute.name), attribute.name, "a name is nobody's code");
    }
    let extension = format!("extension_{APP}_costCenter");
    for own in [extension.as_str(), "zz", "a", "", "AE", "ä", "é1", "unheardOf"] {
        assert_eq!((code(own), name(own)), (own, own));
    }
}

#[test]
fn signatures_are_made_of_the_defaults() {
    let names: Vec<String> = Draft::default().attributes;
    let expected = "accountEnabled businessPhones city companyName country department displayName employeeId faxNumber givenName jobTitle \
                    mail mobilePhone officeLocation onPremisesExtensionAttributes postalCode preferredLanguage state streetAddress surname \
                    userPrincipalName userType";
    assert_eq!(names.join(" "), expected);
    let default = Choice::default();
    assert_eq!((default.leave_out(), default.every()), (LeaveOut::default(), SignedDuration::from_mins(15)));
    assert_eq!(default.select(&BTreeSet::new()).join(" "), expected);
}

#[test]
fn an_unknown_name_is_refused_with_the_one_that_was_meant() {
    for (text, expected) in [
        ("jobtitel", r#"unknown attribute "jobtitel"; did you mean "jobTitle"?"#),
        ("jobtitle", r#"unknown attribute "jobtitle"; did you mean "jobTitle"?"#),
        ("MAIL", r#"unknown attribute "MAIL"; did you mean "mail"?"#),
        ("email", r#"unknown attribute "email"; did you mean "mail"?"#),
        ("mobile", r#"unknown attribute "mobile"; did you mean "mobilePhone"?"#),
        ("title", r#"unknown attribute "title"; did you mean "jobTitle"?"#),
        ("emailAddress", r#"unknown attribute "emailAddress"; did you mean "mail"?"#),
        ("fax", r#"unknown attribute "fax"; did you mean "faxNumber"?"#),
        ("sirname", r#"unknown attribute "sirname"; did you mean "surname"?"#),
        (" city", r#"unknown attribute " city"; did you mean "city"?"#),
        ("Skills", r#"unknown attribute "Skills"; did you mean "skills"?"#),
        (
            "onPremisesExtensionAttribute",
            r#"unknown attribute "onPremisesExtensionAttribute"; did you mean "onPremisesExtensionAttributes"?"#,
        ),
        ("", r#"unknown attribute """#),
        ("\u{0}\n", r#"unknown attribute "\0\n""#),
        ("xxxxxxxxxx", r#"unknown attribute "xxxxxxxxxx""#),
        ("mx", r#"unknown attribute "mx""#),
    ] {
        assert_eq!(refused(text), expected);
    }
    assert!(refused(&"x".repeat(1_000_000)).len() < 200, "no more of it is repeated than helps");
}

#[test]
fn a_name_that_graph_has_and_we_do_not_sync_is_refused_with_the_reason() {
    let reason = "it is kept outside the directory, which does not tell of its changes";
    assert_eq!(refused("skills"), format!("attribute \"skills\" cannot be chosen: {reason}"));
    assert_eq!(refused("manager"), "attribute \"manager\" cannot be chosen: it is always synced");
    for (name, reason) in NOT_SYNCED {
        assert!(refused(name).ends_with(reason), "{name}");
    }
}

#[test]
fn a_directory_extension_is_known_by_its_shape() {
    let upper = APP.to_uppercase();
    let longest = "n".repeat(100);
    for (text, expected) in [
        (format!("extension_{APP}_costCenter"), format!("extension_{APP}_costCenter")),
        (format!("extension_{upper}_costCenter"), format!("extension_{APP}_costCenter")),
        (format!("extension_{APP}_msDS_cloud_1"), format!("extension_{APP}_msDS_cloud_1")),
        (format!("extension_{APP}_{longest}"), format!("extension_{APP}_{longest}")),
    ] {
        assert_eq!(text.parse::<AttributeName>().unwrap().as_str(), expected);
    }
    for text in [
        "extension_".to_owned(),
        format!("extension_{APP}"),
        format!("extension_{APP}_"),
        format!("extension_{}_x", &APP[1..]),
        format!("extension_{APP}0_x"),
        format!("extension_{}g_x", &APP[1..]),
        format!("extension_{APP}_a b"),
        format!("extension_{APP}_a&$top=1"),
        format!("extension_{APP}_ä"),
        format!("extension_{APP}_{longest}n"),
    ] {
        let refused = refused(&text);
        assert!(refused.contains("must be extension_, the 32 hexadecimal digits of the app's id, _ and a name of 1 to 100"), "{refused}");
    }
}

#[test]
fn everything_that_is_wrong_with_a_choice_is_told_at_once() {
    let wrong = Draft { every_minutes: 4, ..draft(&["mail", "jobtitel", "skills", "?"]) };
    let error = Choice::try_from(wrong).unwrap_err();
    let fields: Vec<&str> = error.faults().iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["attributes[1]", "attributes[2]", "attributes[3]", "every_minutes"]);
    assert_eq!(
        error.to_string(),
        "attributes[1]: unknown attribute \"jobtitel\"; did you mean \"jobTitle\"?; attributes[2]: attribute \"skills\" cannot be chosen: it \
         is kept outside the directory, which does not tell of its changes; attributes[3]: unknown attribute \"?\"; every_minutes: must be \
         from 5 to 1440, not 4"
    );
}

#[test]
fn a_choice_keeps_its_bounds() {
    let extensions = |count: usize| (0..count).map(|number| format!("extension_{APP}_e{number}")).collect::<Vec<_>>();
    for (count, bound) in [(0, "must be 1 to 100 names, not 0"), (1, ""), (100, ""), (101, "must be 1 to 100 names, not 101")] {
        let draft = Draft { attributes: extensions(count), ..Draft::default() };
        let told = Choice::try_from(draft).map_or_else(|error| error.faults()[0].bound.clone(), |_| String::new());
        assert_eq!(told, bound);
    }
    for (minutes, is_fine) in [(i64::MIN, false), (0, false), (4, false), (5, true), (1440, true), (1441, false), (i64::MAX, false)] {
        let draft = Draft { every_minutes: minutes, ..Draft::default() };
        assert_eq!(Choice::try_from(draft).is_ok(), is_fine, "{minutes}");
    }
}

#[test]
fn what_the_sync_goes_by_is_always_asked_and_what_graph_refuses_never() {
    let city = chosen(&["city", "city"]);
    let none = BTreeSet::new();
    assert_eq!(city.select(&none), ["accountEnabled", "city", "displayName", "mail", "userPrincipalName", "userType"]);
    assert_eq!(city.select(&named(&["city", "mail"])), ["accountEnabled", "displayName", "userPrincipalName", "userType"]);
    let licensed = leaving_out(LeaveOut { unlicensed: true, ..LeaveOut::default() });
    assert!(licensed.select(&none).contains(&"assignedLicenses"));
    assert!(!licensed.select(&named(&["assignedLicenses"])).contains(&"assignedLicenses"));
}

fn person(attributes: &[(&str, Value)]) -> Person {
    let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Person { id: ObjectId(uuid::Uuid::nil()), attributes, manager: None }
}

#[test]
fn people_are_left_out_by_account_kind_and_licence() {
    let text = |word: &str| Value::Text(word.to_owned());
    let license = Value::Record(BTreeMap::from([("skuId".to_owned(), Some(text("e5")))]));
    let licensed = ("assignedLicenses", Value::List(vec![license]));
    let bare = ("assignedLicenses", Value::List(Vec::new()));
    let (disabled, guests, unlicensed) = (
        LeaveOut { disabled: true, ..LeaveOut::default() },
        LeaveOut { guests: true, ..LeaveOut::default() },
        LeaveOut { unlicensed: true, ..LeaveOut::default() },
    );
    let everybody = LeaveOut { disabled: true, guests: true, unlicensed: true };
    let none = BTreeSet::new();
    for (leave_out, attributes, is_hidden) in [
        (disabled, vec![("accountEnabled", Value::Flag(false))], true),
        (disabled, vec![("accountEnabled", Value::Flag(true))], false),
        (disabled, vec![], false),
        (guests, vec![("userType", text("Guest"))], true),
        (guests, vec![("userType", text("guest"))], true),
        (guests, vec![("userType", text("Member"))], false),
        (guests, vec![], false),
        (unlicensed, vec![bare.clone()], true),
        (unlicensed, vec![], true),
        (unlicensed, vec![licensed.clone()], false),
        (everybody, vec![licensed, ("accountEnabled", Value::Flag(true)), ("userType", text("Member"))], false),
        (LeaveOut::default(), vec![bare, ("accountEnabled", Value::Flag(false)), ("userType", text("Guest"))], false),
    ] {
        let choice = leaving_out(leave_out);
        assert_eq!(choice.hides(&person(&attributes), &none), is_hidden, "{leave_out:?} {attributes:?}");
        let blind = named(&["accountEnabled", "userType", "assignedLicenses"]);
        assert!(!choice.hides(&person(&attributes), &blind), "nobody is hidden for want of knowledge: {leave_out:?} {attributes:?}");
    }
}

#[test]
fn a_fingerprint_is_of_what_a_full_round_reads() {
    let default = Choice::default();
    assert_eq!(default.fingerprint(), "67b77d58adf3fc0f");
    let mut prints = BTreeSet::from([default.fingerprint()]);
    for choice in [
        chosen(&["city"]),
        chosen(&["state"]),
        chosen(&["city", "state"]),
        leaving_out(LeaveOut { disabled: true, ..LeaveOut::default() }),
        leaving_out(LeaveOut { guests: true, ..LeaveOut::default() }),
        leaving_out(LeaveOut { unlicensed: true, ..LeaveOut::default() }),
    ] {
        assert!(prints.insert(choice.fingerprint()), "{choice:?}");
    }
    let hourly = Choice::try_from(Draft { every_minutes: 60, ..Draft::default() }).unwrap();
    assert_eq!(hourly.fingerprint(), default.fingerprint(), "another interval needs no full round");
    assert_eq!(chosen(&["city", "mail"]).fingerprint(), chosen(&["city"]).fingerprint(), "mail is read anyway");
}

#[test]
fn a_stored_choice_is_short_and_may_have_more_fields_or_fewer() {
    let read = |json: &str| serde_json::from_str::<Choice>(json);
    let short = r#"{"attributes":"ae bp ci cn co de dn ei fn gn jt ma mp ol xa pc pl st sa sn up ut","leave_out":{},"every_minutes":15}"#;
    assert_eq!(serde_json::to_string(&Choice::default()).unwrap(), short);
    assert_eq!(read("{}").unwrap(), Choice::default());
    let extension = format!("extension_{APP}_costCenter");
    let odd = format!(r#"{{"attributes":"ci {extension}","leave_out":{{"guests":true,"robots":true}},"photos":"large"}}"#);
    let expected = Draft { leave_out: LeaveOut { guests: true, ..LeaveOut::default() }, ..draft(&["city", &extension]) };
    assert_eq!(read(&odd).unwrap(), Choice::try_from(expected).unwrap());
    let error = read(r#"{"attributes":"ci zz","every_minutes":1}"#).unwrap_err().to_string();
    assert!(error.starts_with("attributes[1]: unknown attribute \"zz\"; every_minutes: must be"), "{error}");
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => proptest::sample::select(CATALOGUE).prop_map(|attribute| attribute.name.to_owned()),
        1 => "extension_[0-9a-f]{32}_[A-Za-z0-9_]{1,20}",
    ]
}

fn any_choice() -> impl Strategy<Value = Choice> {
    let leave_out = (any::<bool>(), any::<bool>(), any::<bool>());
    let leave_out = leave_out.prop_map(|(disabled, guests, unlicensed)| LeaveOut { disabled, guests, unlicensed });
    (proptest::collection::vec(any_name(), 1..=100), leave_out, 5_i64..=1440)
        .prop_map(|(attributes, leave_out, every_minutes)| Draft { attributes, leave_out, every_minutes }.try_into().unwrap())
}

proptest! {
    #[test]
    fn a_choice_comes_back_as_it_was_stored(choice in any_choice()) {
        let json = serde_json::to_string(&choice).unwrap();
        prop_assert_eq!(serde_json::from_str::<Choice>(&json).unwrap(), choice);
    }

    #[test]
    fn a_selection_is_sorted_free_of_what_fails_and_holds_all_else(choice in any_choice(), failing in proptest::collection::vec(any_name(), 0..5)) {
        let failing: Vec<&str> = failing.iter().map(String::as_str).collect();
        let without = named(&failing);
        let select = choice.select(&without);
        prop_assert!(select.is_sorted_by(|before, after| before < after));
        prop_assert!(without.iter().all(|name| !select.contains(&name.as_str())));
        prop_assert!(choice.attributes().difference(&without).all(|name| select.contains(&name.as_str())));
    }

    #[test]
    fn one_wrong_letter_is_put_right(attribute in proptest::sample::select(CATALOGUE), place in 0_usize..40, letter in "[a-z]") {
        let mut text = attribute.name.to_owned();
        let place = place % text.len();
        text.replace_range(place..=place, &letter);
        match text.parse::<AttributeName>() {
            Ok(name) => prop_assert!(find(name.as_str()).is_some()),
            Err(error) => prop_assert!(error.to_string().contains("did you mean"), "{error}"),
        }
    }

    #[test]
    fn no_name_is_more_than_letters_digits_and_underscores(text in ".{0,40}") {
        if let Ok(name) = text.parse::<AttributeName>() {
            prop_assert!(name.as_str().bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_'));
        }
    }
}
