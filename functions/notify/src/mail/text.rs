//! A letter as plain text: complete by itself, for whoever reads no HTML.

use super::letter::{Letter, Link, List};

/// The widest line, in characters, where words allow it. Source: RFC 5322 section 2.1.1
const WIDTH: usize = 78;

/// Renders a letter, in lines separated by line feeds.
pub(super) fn render(letter: &Letter) -> String {
    let mut blocks = vec![wrapped(&letter.headline, "", "")];
    blocks.extend(letter.paragraphs.iter().map(|paragraph| wrapped(paragraph, "", "")));
    if !letter.facts.is_empty() {
        let facts = letter.facts.iter().map(|(name, value)| wrapped(&format!("{name}: {value}"), "", "  "));
        blocks.push(facts.collect::<Vec<_>>().join("\n"));
    }
    blocks.extend(letter.list.as_ref().map(|list| listed(list, |_| "- ".to_owned())));
    blocks.extend(letter.steps.as_ref().map(|list| listed(list, |place| format!("{}. ", place + 1))));
    blocks.push(linked(&letter.button));
    blocks.extend(letter.forward.as_ref().map(|sentence| wrapped(sentence, "", "")));
    blocks.extend(letter.more.as_ref().map(linked));
    // Two hyphens and a blank: what follows is no part of the message. Source: RFC 3676 section 4.3
    blocks.push(format!("-- \n{}", wrapped(&letter.why, "", "")));
    blocks.extend(letter.decline.as_ref().map(linked));
    blocks.join("\n\n") + "\n"
}

fn listed(list: &List, mark: impl Fn(usize) -> String) -> String {
    let lines = list.lines.iter().enumerate().map(|(place, line)| wrapped(line, &mark(place), "   "));
    format!("{}:\n{}", list.heading, lines.collect::<Vec<_>>().join("\n"))
}

/// A link never breaks: it stands on a line of its own.
fn linked(link: &Link) -> String {
    format!("{}:\n{}", link.label, link.url)
}

/// One line as several, the first after `mark`, the others after `indent`. A word that is wider than a line stays whole.
fn wrapped(line: &str, mark: &str, indent: &str) -> String {
    let mut lines = vec![mark.to_owned()];
    let mut is_begun = false;
    for word in line.split(' ') {
        let last = lines.last_mut().filter(|last| !is_begun || last.chars().count() + 1 + word.chars().count() <= WIDTH);
        match last {
            Some(last) => {
                if is_begun {
                    last.push(' ');
                }
                last.push_str(word);
            }
            None => lines.push(format!("{indent}{word}")),
        }
        is_begun = true;
    }
    lines.join("\n")
}
