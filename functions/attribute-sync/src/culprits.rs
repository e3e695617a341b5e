//! Which attributes are to blame where Graph refuses a call as a whole and does not say why: found by asking for fewer of them.
//!
//! Such a refusal is known to be about something else than its words say, `Tenant does not have a SPO license.` for one.
//! Source: <https://github.com/firezone/firezone/issues/12775>

use adapters::graph::GraphError;
use domain::attribute::AttributeName;

use crate::source::Source;

/// The most questions of one search: a hundred attributes need at most 14 for one that fails, and each further one fewer than as many again.
const QUESTIONS_MAX: u32 = 64;

/// Those of the attributes that Graph refuses by themselves. None where it refuses whatever it is asked, where it does not answer, or
/// where so many fail that the search does not end: then the round fails, and the next one asks again.
pub(crate) async fn find(source: &Source<'_>, asked: Vec<AttributeName>) -> Vec<AttributeName> {
    let found = search(source, &asked).await;
    match &found {
        Ok(found) => tracing::warn!(attributes = ?found, "searched for the attributes that Graph fails to give"),
        Err(error) => tracing::warn!(error = error as &dyn std::error::Error, "a search for attributes that fail did not end"),
    }
    found.unwrap_or_default()
}

async fn search(source: &Source<'_>, asked: &[AttributeName]) -> Result<Vec<AttributeName>, GraphError> {
    let mut found = Vec::new();
    if !source.gives(&[]).await? {
        return Ok(found);
    }
    let mut suspects = vec![asked];
    for _ in 1..QUESTIONS_MAX {
        let Some(part) = suspects.pop() else {
            return Ok(found);
        };
        match (source.gives(part).await?, part) {
            (true, _) | (false, []) => {}
            (false, [culprit]) => found.push(culprit.clone()),
            (false, several) => {
                let (former, latter) = several.split_at(several.len() / 2);
                suspects.extend([latter, former]);
            }
        }
    }
    Ok(Vec::new())
}
