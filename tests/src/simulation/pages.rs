//! What Graph gave of a directory, page by page, and whether a walk that moves on has stored what it leaves behind.

use std::collections::BTreeSet;

use domain::ids::ObjectId;
use domain::walk::{Stage, Walk};
use serde_json::Value;

/// Where a page was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// At the beginning of the list, or of the delta of everybody.
    Beginning,
    /// Where a link leads.
    Link(String),
}

/// Where a page leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leads {
    /// To the next page, or to the next round.
    On(String),
    /// Nowhere: the list is over.
    Nowhere,
}

/// A page as Graph gave it.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where it was asked for.
    pub asked: Asked,
    /// Where it leads.
    pub leads: Leads,
    /// The last word about each person on it: in which state they are, by its number; nothing where they are gone.
    pub people: Vec<(ObjectId, Option<usize>)>,
}

/// Everything that Graph gave of one directory.
#[derive(Debug, Default)]
pub struct Pages {
    given: Vec<Page>,
    /// Links from which Graph lets a full round begin.
    resets: BTreeSet<String>,
}

/// Why a walk should not stand where it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Astray {
    /// No page leads there from where it stood.
    Skipped(String),
    /// A page leads there whose people are not stored, or not noted as gone.
    Ahead(String),
}

impl Asked {
    /// Where a request asks; nothing for what asks for no page.
    #[must_use]
    pub fn of(uri: &http::Uri) -> Option<Self> {
        let query = uri.query().unwrap_or_default();
        let is_page = matches!(uri.path(), "/v1.0/users" | "/v1.0/users/delta") && !query.contains("$top=1&");
        let is_linked = query.contains("$skiptoken=") || query.contains("$deltatoken=");
        is_page.then(|| if is_linked { Self::Link(uri.to_string()) } else { Self::Beginning })
    }

    /// Where a walk stands, while it walks.
    fn by(walk: &Walk) -> Option<Self> {
        match &walk.stage {
            Stage::Listing { link, .. } | Stage::Walking { link } => Some(link.clone().map_or(Self::Beginning, Self::Link)),
            Stage::Resting | Stage::Marking | Stage::Sweeping { .. } | Stage::Removing { .. } | Stage::Releasing { .. } => None,
        }
    }
}

impl Pages {
    /// Graph gave a page; `version` tells in which state a person is now.
    pub fn given(&mut self, asked: Asked, body: &Value, version: impl Fn(ObjectId) -> Option<usize>) {
        let link = ["@odata.nextLink", "@odata.deltaLink"].into_iter().find_map(|name| body[name].as_str());
        let leads = link.map_or(Leads::Nowhere, |link| Leads::On(link.to_owned()));
        let mut people: Vec<(ObjectId, Option<usize>)> = Vec::new();
        for entry in body["value"].as_array().into_iter().flatten() {
            let Some(id) = entry["id"].as_str().and_then(|id| id.parse().ok()) else { continue };
            people.retain(|(other, _)| *other != id);
            people.push((id, version(id).filter(|_| entry["@removed"].is_null())));
        }
        self.given.push(Page { asked, leads, people });
    }

    /// Graph asks for a full round that begins at this link.
    pub fn reset(&mut self, link: &str) {
        self.resets.insert(link.to_owned());
    }

    /// Judges a walk that moved: every link that it holds and did not hold before comes from a page that was asked for where it stood, and
    /// what that page says is done. A round that begins may begin at the end of the last one, or wherever Graph lets it.
    ///
    /// # Errors
    /// [`Astray`].
    pub fn judge(&self, (before, after): (&Walk, &Walk), undone: impl Fn(&Page) -> Option<String>) -> Result<(), Astray> {
        let begins = before.stage == Stage::Resting || after.round > before.round;
        let is_beginning = |asked: &Asked| match asked {
            Asked::Beginning => true,
            Asked::Link(link) => before.delta_link.as_ref() == Some(link) || self.resets.contains(link),
        };
        let stood = Asked::by(before);
        let may_ask = |asked: &Asked| stood.as_ref() == Some(asked) || (begins && is_beginning(asked));
        for link in [stage_link(after), after.delta_link.as_ref()].into_iter().flatten() {
            let is_known = [stage_link(before), before.delta_link.as_ref()].contains(&Some(link)) || self.resets.contains(link);
            if is_known {
                continue;
            }
            let is_mark = matches!(&before.stage, Stage::Listing { marked, .. } if marked == link);
            let leads = if is_mark { Leads::Nowhere } else { Leads::On(link.clone()) };
            let pages = self.given.iter().filter(|page| page.leads == leads && may_ask(&page.asked));
            let undone: Vec<Option<String>> = pages.map(&undone).collect();
            if undone.is_empty() {
                return Err(Astray::Skipped(format!("from {:?} to {}", before.stage, end(link))));
            }
            if undone.iter().all(Option::is_some) {
                return Err(Astray::Ahead(undone.into_iter().flatten().last().unwrap_or_default()));
            }
        }
        Ok(())
    }
}

/// What tells one link from another.
fn end(link: &str) -> &str {
    link.get(link.len().saturating_sub(12)..).unwrap_or(link)
}

fn stage_link(walk: &Walk) -> Option<&String> {
    match &walk.stage {
        Stage::Listing { link, .. } | Stage::Walking { link } => link.as_ref(),
        Stage::Resting | Stage::Marking | Stage::Sweeping { .. } | Stage::Removing { .. } | Stage::Releasing { .. } => None,
    }
}
