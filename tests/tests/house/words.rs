//! What must not stand in any text file.

use crate::Offence;
use crate::tree::File;

/// Marks of unfinished work, put together here so that this file does not hold them.
const MARKS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
/// Files full of hashes, in which any letters may meet.
const HASHES: [&str; 2] = ["Cargo.lock", "package-lock.json"];

/// Marks of unfinished work: what is left to do is in the tracker, not in the tree.
pub(crate) fn unfinished(file: &File) -> Vec<Offence> {
    if HASHES.iter().any(|name| file.is_named(name)) {
        return Vec::new();
    }
    let mut offences = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let mut words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        if let Some(mark) = words.find(|word| MARKS.contains(word)) {
            offences.push(Offence::new(&file.path, index + 1, format!("says {mark}")));
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{example, said};

    #[test]
    fn a_mark_of_unfinished_work_is_seen_and_a_word_that_holds_it_is_not() {
        let text = format!("mktemp -d /tmp/XXXXXX\n// {}: later\nTODOS\n", MARKS[0]);
        assert_eq!(said(&unfinished(&example("a.rs", &text))), [format!("2: says {}", MARKS[0])]);
        assert_eq!(said(&unfinished(&example("widget/package-lock.json", &text))), [""; 0]);
    }
}
