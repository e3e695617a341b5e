//! What a directory knows about people beyond their names, and what happens where a tenant cannot give one of it.

use entra_simulator::{Act, PropertyRefusal, Role};
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, World, user};

/// Every property of a user that change tracking tells.
const ALL: &str = "accountEnabled,ageGroup,assignedLicenses,assignedPlans,businessPhones,city,companyName,consentProvidedForMinor,country,\
    createdDateTime,creationType,department,displayName,employeeHireDate,employeeId,employeeOrgData,employeeType,externalUserState,\
    externalUserStateChangeDateTime,faxNumber,givenName,identities,imAddresses,isManagementRestricted,jobTitle,lastPasswordChangeDateTime,\
    legalAgeGroupClassification,mail,mailNickname,mobilePhone,officeLocation,onPremisesDistinguishedName,onPremisesDomainName,\
    onPremisesExtensionAttributes,onPremisesImmutableId,onPremisesLastSyncDateTime,onPremisesProvisioningErrors,onPremisesSamAccountName,\
    onPremisesSecurityIdentifier,onPremisesSyncEnabled,onPremisesUserPrincipalName,otherMails,passwordPolicies,postalCode,\
    preferredDataLocation,preferredLanguage,provisionedPlans,proxyAddresses,securityIdentifier,serviceProvisioningErrors,\
    signInSessionsValidFromDateTime,state,streetAddress,surname,usageLocation,userPrincipalName,userType";

async fn crowd(people: u32) -> (World, String) {
    let world = World::new();
    world.simulator.add_people(world.tenant, people);
    let token = world.access().await;
    (world, token)
}

fn problem(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), text("code"), text("message"))
}

#[tokio::test]
async fn list_and_delta_tell_every_property_and_agree() {
    let (world, token) = crowd(400).await;
    let list = world.graph(&token, &format!("/v1.0/users?$top=999&$select={ALL}")).await.json();
    let list = list["value"].as_array().unwrap().clone();
    let (pages, _) = world.walk(&token, &format!("/v1.0/users/delta?$select={ALL}")).await;
    let delta = pages.concat();
    assert_eq!((list.len(), delta.len()), (401, 401));
    for (listed, walked) in list.iter().zip(&delta) {
        assert_eq!(listed.as_object().unwrap().len(), ALL.split(',').count() + 1, "everything that is asked for is told, set or not");
        for (name, value) in walked.as_object().unwrap() {
            assert_eq!(listed.get(name), Some(value), "{name}");
        }
        for (name, value) in listed.as_object().unwrap().iter().filter(|(name, _)| walked.get(*name).is_none()) {
            assert!(value.is_null() || value == &json!([]), "{name}: {value} is not in the delta");
        }
    }
    let is_set = |value: &Value| !value.is_null() && value != &json!([]);
    let never = ["onPremisesProvisioningErrors", "serviceProvisioningErrors"];
    for name in ALL.split(',').filter(|name| !never.contains(name)) {
        assert!(list.iter().filter(|person| is_set(&person[name])).count() >= 5, "hardly anybody has {name}");
    }
}

#[tokio::test]
async fn a_property_of_the_dossier_changes_like_any_other() {
    let (world, token) = crowd(20).await;
    let (pages, link) = world.walk(&token, "/v1.0/users/delta?$select=securityIdentifier,city").await;
    let people = pages.concat();
    let person = people.iter().find(|person| person["securityIdentifier"].is_string()).unwrap().clone();
    let change = |value: Value| {
        let properties = serde_json::from_value(json!({"securityIdentifier": value})).unwrap();
        world.work(Act::ChangeUser { user: person["id"].as_str().unwrap().parse().unwrap(), properties });
    };
    change(person["securityIdentifier"].clone());
    let (pages, link) = world.walk(&token, &link).await;
    assert_eq!(pages.concat(), Vec::<Value>::new(), "what is there already is no change");
    change(Value::Null);
    let (pages, link) = world.walk(&token, &link).await;
    assert_eq!(pages.concat()[0]["securityIdentifier"], Value::Null);
    change(json!("S-1-12-1-1-2-3-4"));
    let (pages, _) = world.walk(&token, &link).await;
    assert_eq!(pages.concat()[0]["securityIdentifier"], "S-1-12-1-1-2-3-4");
}

#[tokio::test]
async fn a_property_that_cannot_be_given_fails_the_whole_call_until_it_is_lifted() {
    let (world, token) = crowd(30).await;
    world.work(Act::PageSize { people: 10 });
    let first = world.graph(&token, "/v1.0/users/delta?$select=displayName,employeeOrgData").await.json();
    let next = first["@odata.nextLink"].as_str().unwrap().to_owned();
    let (_, link) = world.walk(&token, "/v1.0/users/delta?$select=employeeOrgData").await;
    world.work(Act::FailProperty { property: "employeeOrgData".to_owned(), times: None, says: PropertyRefusal::NamesProperty });
    let admin = format!("/v1.0/users/{}?$select=employeeOrgData", world.admin);
    for url in ["/v1.0/users?$select=mail,employeeOrgData", "/v1.0/users/delta?$select=employeeOrgData", &next, &link, &admin] {
        let expected = "Could not find a property named 'employeeOrgData' on type 'microsoft.graph.user'.";
        let told = problem(&world.graph(&token, url).await);
        assert_eq!(told, (400, "Request_BadRequest".to_owned(), expected.to_owned()), "{url}");
    }
    for url in ["/v1.0/users?$select=mail", "/v1.0/users", "/v1.0/users/delta"] {
        assert_eq!(world.graph(&token, url).await.status, StatusCode::OK, "{url} does not ask for it");
    }
    world.work(Act::LiftProperty { property: Some("employeeOrgData".to_owned()) });
    for url in [&next, &link, &admin] {
        assert_eq!(world.graph(&token, url).await.status, StatusCode::OK, "{url}");
    }
}

#[tokio::test]
async fn a_refusal_can_hide_its_property_and_end_by_itself() {
    let (world, token) = crowd(0).await;
    world.work(Act::FailProperty { property: "mail".to_owned(), times: Some(2), says: PropertyRefusal::SharePointLicense });
    for url in ["/v1.0/users", "/v1.0/users/delta"] {
        let told = problem(&world.graph(&token, url).await);
        assert_eq!(told, (400, "BadRequest".to_owned(), "Tenant does not have a SPO license.".to_owned()), "mail is asked for by default");
    }
    assert_eq!(world.graph(&token, "/v1.0/users").await.status, StatusCode::OK);
    world.work(Act::FailProperty { property: "mail".to_owned(), times: None, says: PropertyRefusal::default() });
    world.work(Act::LiftProperty { property: None });
    assert_eq!(world.graph(&token, "/v1.0/users").await.status, StatusCode::OK);
    let unknown = Act::FailProperty { property: "shoeSize".to_owned(), times: None, says: PropertyRefusal::default() };
    assert!(world.simulator.work(world.tenant, unknown).is_err());
}

#[tokio::test]
async fn acts_about_properties_and_licences_read_from_json() {
    let (world, token) = crowd(0).await;
    let acts = format!("/_simulator/tenants/{}/acts", world.tenant);
    for (act, is_fine) in [
        (json!({"act": "fail_property", "property": "city"}), false),
        (json!({"act": "lift_property"}), true),
        (json!({"act": "fail_property", "property": "city", "times": 1, "says": "share_point_license"}), false),
        (json!({"act": "assign_license", "user": world.admin}), true),
        (json!({"act": "remove_licenses", "user": world.admin}), true),
    ] {
        let answer = world.post_json(&acts, None, &act).await;
        assert!(answer.status.is_success(), "{act}: {}", answer.text);
        assert_eq!(world.graph(&token, "/v1.0/users?$select=city").await.status == StatusCode::OK, is_fine, "{act}");
    }
}

#[tokio::test]
async fn licences_come_and_go_in_the_delta() {
    let (world, token) = crowd(0).await;
    let grace = world.simulator.add_user(world.tenant, user("Grace", Role::Guest));
    let select = "$select=assignedLicenses,userType";
    let listed = world.graph(&token, &format!("/v1.0/users/{grace}?{select}")).await.json();
    assert_eq!((listed["assignedLicenses"].clone(), listed["userType"].clone()), (json!([]), json!("Guest")));
    let (_, mut link) = world.walk(&token, &format!("/v1.0/users/delta?{select}")).await;
    let sku = Uuid::from_u128(5);
    for (act, expected) in [
        (Act::AssignLicense { user: grace, sku: Some(sku) }, json!([{"disabledPlans": [], "skuId": sku}])),
        (Act::RemoveLicenses { user: grace }, json!([])),
    ] {
        world.work(act);
        let (pages, next) = world.walk(&token, &link).await;
        assert_eq!(pages.concat()[0]["assignedLicenses"], expected);
        link = next;
    }
    world.work(Act::AssignLicense { user: grace, sku: None });
    let plans = world.graph(&token, &format!("/v1.0/users/{grace}?$select=assignedPlans,assignedLicenses")).await.json();
    assert_eq!(
        (plans["assignedPlans"][0]["service"].clone(), plans["assignedLicenses"][0]["skuId"].is_string()),
        (json!("exchange"), true)
    );
}

#[tokio::test]
async fn only_extensions_of_the_changed_type_are_echoed() {
    let (world, token) = crowd(0).await;
    let change = |properties: Value| {
        world.work(Act::ChangeUser { user: world.admin, properties: serde_json::from_value(properties).unwrap() });
    };
    change(json!({"extension_abc_one": "1", "extension_abc_two": "2", "extension_abc_flag": true, "extension_abc_count": 7}));
    let (_, link) = world.walk(&token, "/v1.0/users/delta?$select=extension_abc_one,extension_abc_flag").await;
    world.work(Act::EchoExtensions { on: true });
    change(json!({"extension_abc_one": "3"}));
    let (pages, link) = world.walk(&token, &link).await;
    let selected = json!({"id": world.admin, "extension_abc_one": "3", "extension_abc_two": "2", "extension_abc_flag": true});
    assert_eq!(pages[0], [selected], "the flag is selected, the other text is echoed, the count is neither");
    change(json!({"extension_abc_flag": false}));
    let (pages, _) = world.walk(&token, &link).await;
    assert_eq!(pages[0], [json!({"id": world.admin, "extension_abc_one": "3", "extension_abc_flag": false})]);
}
