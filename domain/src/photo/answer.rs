//! What Graph's answer about one person's photo means, and those of a whole look together.
//!
//! A batch is answered item by item, and any item may fail on its own. Of all failures only a plain 404 is "no photo".
//! Source: <https://learn.microsoft.com/en-us/graph/json-batching>, <https://learn.microsoft.com/en-us/graph/throttling>

use jiff::SignedDuration;

/// The side of the photo that is kept, in pixels: twice what a signature shows, and one of the sizes that Microsoft 365 makes. Even
/// uncompressed such a picture has less than 231 KB, so twenty of them in base64 fit into one answer of 6.2 MB.
/// Source: <https://learn.microsoft.com/en-us/graph/api/profilephoto-get> (supported sizes)
pub const SIDE: u32 = 240;

/// What Graph says about one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// What was asked for.
    Given(T),
    /// There is no photo, or none of this size.
    NoPhoto,
    /// There is no such person. Whether that is so the sync finds out.
    NobodyThere,
    /// It may not be read.
    Denied,
    /// The request is refused for this person; asking again soon is of no use.
    Refused,
    /// The access token is not accepted.
    Unauthorized,
    /// Too much was asked.
    Throttled {
        /// How long to wait, where Graph said so.
        after: Option<SignedDuration>,
    },
    /// Not now.
    Later {
        /// How long to wait, where Graph said so.
        after: Option<SignedDuration>,
    },
    /// No answer that can be understood, or none at all.
    Unreadable,
}

impl<T> Answer<T> {
    /// What an error answer means.
    ///
    /// - 404 is "no photo", unless its code says that there is no such person.
    /// - 400 and 401 are seen for people without a mailbox (`AuthenticationError`); only a 401 for the token itself is about the token.
    ///   Source: <https://github.com/microsoftgraph/microsoft-graph-docs/issues/8877>
    /// - 424 is what an item gets when another one of its batch was throttled.
    #[must_use]
    pub fn failed(status: u16, code: &str, after: Option<SignedDuration>) -> Self {
        let is = |words: &[&str]| words.iter().any(|word| code.eq_ignore_ascii_case(word));
        match status {
            401 if code.is_empty() || is(&["InvalidAuthenticationToken"]) => Self::Unauthorized,
            403 => Self::Denied,
            404 if is(&["Request_ResourceNotFound", "ErrorInvalidUser"]) => Self::NobodyThere,
            404 => Self::NoPhoto,
            429 => Self::Throttled { after },
            408 | 423 | 424 | 500..=599 => Self::Later { after },
            400..=499 => Self::Refused,
            _ => Self::Unreadable,
        }
    }
}

/// What Graph says of a photo without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Changes with the photo; not always there.
    pub etag: Option<String>,
    /// Width of the largest size, in pixels; 0 where it is not told.
    pub width: u32,
    /// Its height.
    pub height: u32,
}

/// How a photo is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As it is, together with others: it is small.
    Whole,
    /// In [`SIDE`] by [`SIDE`] pixels, together with others. Photos that are not kept in a mailbox may not have that size.
    Square,
    /// As it is and by itself: nothing says how large it is.
    Alone,
}

impl Metadata {
    /// Whether it stands for no photo at all: of people without one, metadata of a single transparent pixel is given.
    /// Source: <https://learn.microsoft.com/en-us/graph/api/profilephoto-get> (example 3)
    #[must_use]
    pub fn is_placeholder(&self) -> bool {
        self.width == 1 && self.height == 1
    }

    /// How the photo is fetched, so that an answer to many stays small.
    #[must_use]
    pub fn way(&self) -> Way {
        match (self.width, self.height) {
            (0, _) | (_, 0) => Way::Alone,
            (1..=SIDE, 1..=SIDE) => Way::Whole,
            _ => Way::Square,
        }
    }
}

/// What the answers of one look come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// People about whom Graph said something.
    pub answered: u32,
    /// People whose photo may not be read.
    pub denied: u32,
    /// People for whom the access token was not accepted.
    pub unauthorized: u32,
    /// People for whom too much was asked.
    pub throttled: u32,
    /// People for whom Graph could not answer, or in a way that cannot be understood.
    pub failed: u32,
    /// The longest wait that Graph asked for.
    pub wait: Option<SignedDuration>,
}

impl Tally {
    /// Counts one answer.
    pub fn count<T>(&mut self, answer: &Answer<T>) {
        match answer {
            Answer::Given(_) | Answer::NoPhoto | Answer::NobodyThere | Answer::Refused => self.answered += 1,
            Answer::Denied => self.denied += 1,
            Answer::Unauthorized => self.unauthorized += 1,
            Answer::Throttled { .. } => self.throttled += 1,
            Answer::Later { .. } | Answer::Unreadable => self.failed += 1,
        }
        if let Answer::Throttled { after } | Answer::Later { after } = answer {
            self.wait = self.wait.max(*after);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Option<SignedDuration> = Some(SignedDuration::from_secs(7));

    #[test]
    fn every_failure_means_something_and_only_404_means_no_photo() {
        for (status, code, expected) in [
            (404, "ImageNotFound", Answer::NoPhoto),
            (404, "ErrorItemNotFound", Answer::NoPhoto),
            (404, "", Answer::NoPhoto),
            (404, "Request_ResourceNotFound", Answer::NobodyThere),
            (404, "errorinvaliduser", Answer::NobodyThere),
            (403, "Authorization_RequestDenied", Answer::Denied),
            (403, "ErrorAccessDenied", Answer::Denied),
            (401, "InvalidAuthenticationToken", Answer::Unauthorized),
            (401, "", Answer::Unauthorized),
            (401, "AuthenticationError", Answer::Refused),
            (400, "AuthenticationError", Answer::Refused),
            (405, "", Answer::Refused),
            (429, "TooManyRequests", Answer::Throttled { after: WAIT }),
            (424, "FailedDependency", Answer::Later { after: WAIT }),
            (408, "", Answer::Later { after: WAIT }),
            (423, "", Answer::Later { after: WAIT }),
            (500, "", Answer::Later { after: WAIT }),
            (503, "serviceNotAvailable", Answer::Later { after: WAIT }),
            (504, "", Answer::Later { after: WAIT }),
            (302, "", Answer::Unreadable),
            (0, "", Answer::Unreadable),
        ] {
            assert_eq!(Answer::<()>::failed(status, code, WAIT), expected, "{status} {code}");
        }
    }

    #[test]
    fn the_longest_wait_of_a_look_counts() {
        let mut tally = Tally::default();
        for after in [None, Some(SignedDuration::from_secs(2)), WAIT, Some(SignedDuration::from_secs(3)), None] {
            tally.count(&Answer::<()>::Throttled { after });
        }
        assert_eq!((tally.throttled, tally.wait), (5, WAIT));
    }

    #[test]
    fn a_photo_that_may_be_large_is_not_fetched_together_with_others() {
        let way = |width, height| Metadata { etag: None, width, height }.way();
        assert_eq!((way(48, 48), way(240, 240)), (Way::Whole, Way::Whole));
        assert_eq!((way(648, 648), way(241, 10), way(10, 4_000)), (Way::Square, Way::Square, Way::Square));
        assert_eq!((way(0, 0), way(0, 240), way(240, 0)), (Way::Alone, Way::Alone, Way::Alone));
    }
}
