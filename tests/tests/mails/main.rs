//! What mails say, whole, and what they must never do whatever anybody is called.

use notify::mail::{Mail, News, Occasion, Troubled, write};
use proptest::prelude::*;
use system_tests::letters::{HOSTILE, Sources};

#[test]
fn every_mail_says_what_happened_what_it_means_and_what_to_do() {
    for (name, mail) in Sources::of_may().mails() {
        let headers: Vec<String> = mail.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        insta::assert_snapshot!(name, format!("Subject: {}\n{}\n\n{}", mail.subject, headers.join("\n"), mail.text));
    }
}

/// What is wrong with a mail, whatever it says.
fn assert_sound(mail: &Mail, what: &str) {
    let is_line = |text: &str| !text.chars().any(|letter| letter.is_control() || "\u{2028}\u{2029}\u{202e}\u{2066}".contains(letter));
    assert!(is_line(&mail.subject) && mail.subject.chars().count() <= 150, "{what}: {:?}", mail.subject);
    for (name, value) in &mail.headers {
        assert!(is_line(name) && is_line(value) && value.is_ascii(), "{what}: {name}: {value:?}");
    }
    assert!(mail.text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{what}: {:?}", mail.text);
    for forbidden in ["<script", "<img", "<table", "javascript:", "src=", "@import", "url("] {
        assert!(!mail.html.contains(forbidden), "{what}: {forbidden} in {}", mail.html);
    }
    assert_eq!(mail.html.matches("class=\"button\"").count(), 1, "{what}: one button");
}

#[test]
fn names_that_try_to_be_more_stay_names() {
    let sources = Sources::of_may();
    for (name, occasion) in sources.occasions() {
        let mail = write(&Occasion { connection: Some(HOSTILE), ..occasion });
        assert_sound(&mail, name);
        assert!(!mail.html.contains(HOSTILE), "{name}");
        assert!(!mail.text.lines().any(|line| line.starts_with("Bcc:")), "{name}: {}", mail.text);
    }
}

#[test]
fn one_click_declines_warnings_and_reminders_and_no_first_word_of_a_death() {
    for (name, mail) in Sources::of_may().mails() {
        let header = |wanted: &str| mail.headers.iter().find(|(header, _)| *header == wanted).map(|(_, value)| value.as_str());
        let is_declinable =
            ["expiring", "spare", "deletions", "endpoint", "again"].iter().any(|part| name.contains(part)) && !name.starts_with("operator");
        assert_eq!(header("List-Unsubscribe-Post"), is_declinable.then_some("List-Unsubscribe=One-Click"), "{name}");
        assert_eq!(
            header("List-Unsubscribe").is_some_and(|value| value.starts_with("<https://") && value.ends_with('>')),
            is_declinable,
            "{name}"
        );
        assert_eq!(mail.text.contains("No more warnings and reminders"), is_declinable, "{name}");
        assert_eq!(header("Auto-Submitted"), Some("auto-generated"), "{name}");
    }
}

#[test]
fn the_text_says_what_the_page_says() {
    for (name, mail) in Sources::of_may().mails() {
        let words = |text: &str| text.split_whitespace().map(|word| word.trim_matches([':', '.', ',', '-']).to_owned()).collect::<Vec<_>>();
        let text = words(&mail.text);
        let body = mail.html.split_once("<body").expect("a body").1.replace("><", "> <");
        let mut page = String::new();
        let mut is_tag = true;
        for letter in body.chars() {
            match letter {
                '<' => is_tag = true,
                '>' => is_tag = false,
                letter if !is_tag => page.push(letter),
                _ => page.push(' '),
            }
        }
        let page = page.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
        // The mark of its gravity and the sender's name stand in a mail program's own frame.
        let missing: Vec<String> =
            words(&page).into_iter().filter(|word| !text.contains(word) && !["●", "▲", "✓"].contains(&word.as_str())).collect();
        assert!(missing.is_empty(), "{name}: {missing:?} only in the page");
    }
}

#[test]
fn a_digest_of_many_lists_fifty_and_counts_the_rest() {
    let sources = Sources::of_may();
    let (_, occasion) = sources.occasions().into_iter().find(|(name, _)| *name == "digest").expect("a digest");
    let News::Digest { troubled } = occasion.news else { panic!("no digest") };
    let many: Vec<Troubled> = troubled.iter().cycle().take(1_000).cloned().collect();
    let mail = write(&Occasion { news: News::Digest { troubled: &many }, ..occasion });
    assert_eq!(mail.subject, "1000 connections need attention");
    assert_eq!(mail.text.matches(" since ").count(), 50);
    assert!(mail.text.contains("- and 950 more"), "{}", mail.text);
    assert!(mail.html.len() < 40_000, "{}", mail.html.len());
}

proptest! {
    #[test]
    fn whatever_anybody_is_called_a_mail_is_sound(name in "(\\PC|[\\x00-\\x1f\\x7f<>&\"'{}\u{2028}\u{202e}]){0,200}", which in 0..21_usize) {
        let sources = Sources::of_may();
        let (what, occasion) = sources.occasions().into_iter().nth(which).expect("an occasion");
        let operator = notify::mail::Operator { name: &name, ..occasion.operator };
        let mail = write(&Occasion { connection: Some(&name), operator, ..occasion });
        assert_sound(&mail, what);
        let (_, plain) = sources.occasions().into_iter().nth(which).expect("an occasion");
        prop_assert_eq!(mail.html.matches('<').count(), write(&plain).html.matches('<').count(), "no name becomes markup");
    }
}
