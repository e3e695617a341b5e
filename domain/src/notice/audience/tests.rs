//! Rules of contacts, addresses and drafts, as tables.

use super::*;
use crate::ids::ContactId;
use jiff::Timestamp;
use proptest::prelude::*;

fn chance(mut turn: u8) -> impl FnMut() -> Chance {
    move || {
        turn += 1;
        ([turn; 16], [turn ^ 0xff; 16])
    }
}

fn mail(address: &str) -> DraftContact {
    DraftContact { mail: Some(address.to_owned()), kinds: vec![Group::Deaths, Group::Reminders], ..DraftContact::default() }
}

fn webhook(url: &str) -> DraftContact {
    DraftContact { webhook: Some(url.to_owned()), kinds: vec![Group::Warnings], ..DraftContact::default() }
}

fn draft(contacts: Vec<DraftContact>) -> Draft {
    Draft { contacts, time_zone: "Europe/Berlin".to_owned(), quiet_hours: None, language: Language::En }
}

fn revise(before: &Audience, draft: Draft) -> Result<Revised, Vec<(String, String)>> {
    let is_zone = |name: &ZoneName| ["UTC", "Europe/Berlin"].contains(&name.as_str());
    let told = |invalid: InvalidAudience| invalid.faults().iter().map(|fault| (fault.field.clone(), fault.bound.clone())).collect();
    // No draw of one revision is drawn in the next, which has as many contacts before it.
    let drawn = u8::try_from(before.contacts.len()).expect("few contacts") * 100;
    before.revise(draft, is_zone, chance(drawn)).map_err(told)
}

fn fields(refused: &[(String, String)]) -> Vec<&str> {
    refused.iter().map(|(field, _)| field.as_str()).collect()
}

#[test]
fn an_address_that_can_be_written_to_is_taken_as_it_is() {
    for text in ["it@contoso.com", "O'Hara+grants@sub.contoso.example", "a@b.co", "x_y-z@xn--mnchen-3ya.example"] {
        let address: MailAddress = text.parse().expect(text);
        assert_eq!(address.as_str(), text);
    }
    let longest = format!("{}@{}.{}.example", "a".repeat(64), "b".repeat(63), "c".repeat(63));
    assert!(longest.parse::<MailAddress>().is_ok(), "{}", longest.len());
}

#[test]
fn what_is_no_address_is_refused_with_its_bound() {
    let long = format!("a@{}.com", "b.".repeat(130));
    for (text, bound) in [
        ("", "with one @"),
        ("contoso.com", "with one @"),
        ("a@b@c.com", "with one @"),
        ("a@localhost", "with one @"),
        ("a@10.0.0.1", "with one @"),
        ("a@[10.0.0.1]", "with one @"),
        (".a@contoso.com", "with one @"),
        ("a..b@contoso.com", "with one @"),
        ("\"a b\"@contoso.com", "with one @"),
        ("it@contoso..com", "with one @"),
        ("it@-contoso.com", "with one @"),
        ("jürgen@contoso.com", "with one @"),
        ("it@münchen.example", "with one @"),
        ("it@contoso.com, evil@example.org", "with one @"),
        ("IT <it@contoso.com>", "with one @"),
        ("it@contoso.com\r\nBcc: all@contoso.com", "without line breaks"),
        ("it\n@contoso.com", "without line breaks"),
        (&long, "at most 254 bytes"),
        (&format!("{}@contoso.com", "a".repeat(65)), "at most 64 bytes before the @"),
    ] {
        let refused = text.parse::<MailAddress>().expect_err(text).to_string();
        assert!(refused.starts_with("must be a mail address") && refused.contains(bound), "{text:?}: {refused}");
    }
}

#[test]
fn a_webhook_leads_to_a_public_place_by_https() {
    for text in
        ["https://hooks.example.com/evergrant?team=7", "https://hooks.example.com:8443/", "https://8.8.8.8/x", "https://[2606:4700::1111]/"]
    {
        assert!(text.parse::<WebhookUrl>().is_ok(), "{text}");
    }
    for (text, bound) in [
        ("", "such as https://"),
        ("hooks.example.com", "such as https://"),
        ("http://hooks.example.com/", "nobody else's"),
        ("file:///etc/passwd", "an https URL"),
        ("https://user@hooks.example.com/", "without user"),
        ("https://user:word@hooks.example.com/", "without user"),
        ("https://hooks.example.com/#part", "fragment"),
        ("https://hooks.example.com:22/", "not 22"),
        ("https://hooks.example.com:80/", "not 80"),
        ("https://hooks.example.com:0/", "not 0"),
        ("https://localhost/", "a public name"),
        ("https://localhost./", "a public name"),
        ("https://a.localhost/", "a public name"),
        ("https://intranet/", "a public name"),
        ("https://vault.internal/", "a public name"),
        ("https://instance-data.ec2.internal/", "a public name"),
        ("https://printer.local/", "a public name"),
        ("https://127.0.0.1/", "is loopback"),
        ("https://2130706433/", "is loopback"),
        ("https://0x7f.1/", "is loopback"),
        ("https://169.254.169.254/latest/meta-data", "is link-local"),
        ("https://[::1]/", "is loopback"),
        ("https://[::ffff:10.0.0.1]/", "is private"),
        ("https://[fd00:ec2::254]/", "is private"),
        ("https://hooks.example.com/\r\nHost: evil", "line breaks"),
        ("https://hooks.exa\tmple.com/", "line breaks"),
        (&format!("https://hooks.example.com/{}", "x".repeat(2048)), "at most 2048 bytes"),
    ] {
        let refused = text.parse::<WebhookUrl>().expect_err(text).to_string();
        assert!(refused.starts_with("must be a") && refused.contains(bound), "{text:?}: {refused}");
    }
}

#[test]
fn what_logs_show_of_a_contact_is_no_persons_data_and_no_key() {
    let Revised { audience, .. } =
        revise(&Audience::default(), draft(vec![mail("ada.lovelace@contoso.com"), webhook("https://hooks.example.com/s3cret")])).unwrap();
    let shown = format!("{audience:?}");
    for hidden in ["ada.lovelace", "s3cret", audience.contacts[0].decline_key.expose()] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
    assert!(shown.contains("@contoso.com") && shown.contains("hooks.example.com"), "{shown}");
}

#[test]
fn a_kept_contact_keeps_what_is_known_of_it_and_a_new_address_begins_anew() {
    let first = revise(&Audience::default(), draft(vec![mail("it@contoso.com"), webhook("https://hooks.example.com/")])).unwrap();
    assert_eq!(first.webhooks, [first.audience.contacts[1].id.clone()]);
    let mut before = first.audience;
    before.contacts[0].decline(Timestamp::UNIX_EPOCH);
    let kept = DraftContact { id: Some(before.contacts[0].id.clone()), kinds: vec![Group::Deaths], ..mail("it@contoso.com") };
    let moved = DraftContact { id: Some(before.contacts[1].id.clone()), ..webhook("https://hooks.example.com/v2") };
    let second = revise(&before, draft(vec![kept, moved])).unwrap();
    let [contact, hook] = &second.audience.contacts[..] else { panic!("{second:?}") };
    assert_eq!((&contact.reach, &contact.decline_key), (&before.contacts[0].reach, &before.contacts[0].decline_key));
    assert_eq!(contact.kinds, [Group::Deaths].into());
    assert_eq!((&hook.id, &second.webhooks), (&before.contacts[1].id, &Vec::new()), "a moved webhook is signed as before");
    let moved = DraftContact { id: Some(contact.id.clone()), ..mail("office@contoso.com") };
    let third = revise(&second.audience, draft(vec![moved])).unwrap().audience.contacts.remove(0);
    assert_eq!((&third.id, &third.reach), (&contact.id, &Reach::Reachable));
    assert_ne!(third.decline_key, contact.decline_key, "a link in a mail to somebody else declines nothing");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let stranger = DraftContact { id: Some(ContactId::mint([9; 16])), ..mail("c@contoso.com") };
    let both = DraftContact { webhook: Some("https://hooks.example.com/".to_owned()), ..mail("d@contoso.com") };
    let deaf = DraftContact { kinds: Vec::new(), ..mail("e@contoso.com") };
    let contacts = vec![
        mail("a@contoso.com"),
        mail("a@contoso.com"),
        mail("b@contoso"),
        webhook("https://10.0.0.1/"),
        stranger,
        both,
        deaf,
        DraftContact::default(),
    ];
    let faulty = Draft { time_zone: "Mars/Base".to_owned(), quiet_hours: Some(("24:00".to_owned(), "7:30".to_owned())), ..draft(contacts) };
    let refused = revise(&Audience::default(), faulty).unwrap_err();
    let expected = [
        "contacts[1]",
        "contacts[2].mail",
        "contacts[3].webhook",
        "contacts[4].id",
        "contacts[5].mail",
        "contacts[6].kinds",
        "contacts[7].mail",
        "time_zone",
        "quiet_hours.from",
        "quiet_hours.until",
    ];
    assert_eq!(fields(&refused), expected, "{refused:?}");
}

#[test]
fn a_channel_cannot_become_another_under_the_same_id() {
    let before = revise(&Audience::default(), draft(vec![mail("it@contoso.com")])).unwrap().audience;
    let turned = DraftContact { id: Some(before.contacts[0].id.clone()), ..webhook("https://hooks.example.com/") };
    assert_eq!(fields(&revise(&before, draft(vec![turned])).unwrap_err()), ["contacts[0].id"]);
}

#[test]
fn more_than_twenty_contacts_are_one_fault() {
    let many = |count: usize| draft((0..count).map(|number| mail(&format!("a{number}@contoso.com"))).collect());
    assert_eq!(revise(&Audience::default(), many(20)).unwrap().audience.contacts.len(), 20);
    let refused = revise(&Audience::default(), many(21)).unwrap_err();
    assert_eq!(refused, [("contacts".to_owned(), "must be at most 20, not 21".to_owned())]);
}

#[test]
fn quiet_hours_are_two_times_of_day() {
    let with = |from: &str, until: &str| Draft { quiet_hours: Some((from.to_owned(), until.to_owned())), ..draft(Vec::new()) };
    let hours = revise(&Audience::default(), with("22:00", "07:30")).unwrap().audience.quiet_hours.expect("quiet hours");
    assert_eq!((hours.begin().to_string(), hours.end().to_string()), ("22:00:00".to_owned(), "07:30:00".to_owned()));
    for (from, until) in [("22:60", "07:00"), ("+2:00", "07:00"), ("22", "07:00"), ("22:00:00", "07:00"), ("", "07:00")] {
        assert_eq!(fields(&revise(&Audience::default(), with(from, until)).unwrap_err()), ["quiet_hours.from"], "{from}");
    }
    assert_eq!(fields(&revise(&Audience::default(), with("07:00", "07:00")).unwrap_err()), ["quiet_hours.until"]);
}

#[test]
fn whoever_declined_still_hears_of_deaths_and_recoveries() {
    let mut contact = revise(&Audience::default(), draft(vec![mail("it@contoso.com")])).unwrap().audience.contacts.remove(0);
    contact.kinds = Group::ALL.into();
    let heard = |contact: &Contact| Group::ALL.into_iter().filter(|group| contact.hears(*group)).collect::<Vec<_>>();
    assert_eq!(heard(&contact), Group::ALL);
    contact.decline(Timestamp::UNIX_EPOCH);
    assert_eq!(heard(&contact), [Group::Deaths, Group::Recoveries]);
    contact.lose("mailbox\r\nunknown", Timestamp::UNIX_EPOCH);
    assert_eq!(contact.reach, Reach::Unreachable { why: "mailbox  unknown".to_owned(), since: Timestamp::UNIX_EPOCH });
    assert_eq!(heard(&contact), []);
    contact.decline(Timestamp::UNIX_EPOCH);
    assert!(matches!(contact.reach, Reach::Unreachable { .. }), "that mails come back stays known");
    contact.enable();
    assert_eq!(heard(&contact), Group::ALL);
}

#[test]
fn a_key_is_only_itself() {
    let key = DeclineKey::mint([7; 16]);
    assert!(key.is(key.expose()));
    for other in ["", "key-", DeclineKey::mint([8; 16]).expose(), &key.expose()[1..]] {
        assert!(!key.is(other), "{other}");
    }
}

#[test]
fn an_audience_reads_back_as_it_was_stored() {
    let whole = Draft {
        quiet_hours: Some(("22:00".to_owned(), "07:00".to_owned())),
        ..draft(vec![mail("it@contoso.com"), webhook("https://hooks.example.com/a?b=c")])
    };
    let audience = revise(&Audience::default(), whole).unwrap().audience;
    let stored = serde_json::to_string(&audience).unwrap();
    assert_eq!(serde_json::from_str::<Audience>(&stored).unwrap(), audience);
    let broken = stored.replace("it@contoso.com", "it@contoso.com\\nBcc: x@y.z");
    assert!(serde_json::from_str::<Audience>(&broken).is_err(), "what is no address cannot come out of the store either");
}

proptest! {
    #[test]
    fn no_text_becomes_an_address_that_breaks_a_header(text in "\\PC{0,20}@?[\\x00-\\x7f]{0,20}") {
        if let Ok(address) = text.parse::<MailAddress>() {
            prop_assert!(address.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(address.as_str().matches('@').count(), 1);
            prop_assert!(!address.as_str().contains([',', ';', '<', '>', '"', ':']));
        }
    }

    #[test]
    fn no_host_that_is_an_address_of_ours_becomes_a_webhook(bits in any::<u32>(), form in 0..3_u8) {
        let address = core::net::Ipv4Addr::from(bits);
        let url = match form {
            0 => format!("https://{address}/"),
            1 => format!("https://{bits}/"),
            _ => format!("https://[{}]/", address.to_ipv6_mapped()),
        };
        prop_assert_eq!(url.parse::<WebhookUrl>().is_ok(), crate::notice::destination::admit(address.into()).is_ok(), "{}", url);
    }
}
