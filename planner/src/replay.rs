//! A decision as one line, and the same decision made again from it. A line holds the whole case, what came of it, and the digests of what was decided by;
//! whoever has the three files can ask anew, and need not believe whoever wrote the line.

use contract::digest::Digest;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::consider::{Case, Considered, consider};
use crate::decide::Knowledge;

/// What was decided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnowledgeDigests {
    /// The rule table.
    pub rules: Digest,
    /// The baseline.
    pub baseline: Digest,
    /// The catalogue.
    pub catalogue: Digest,
}

impl Knowledge<'_> {
    /// The digests of all three.
    pub const fn digests(&self) -> KnowledgeDigests {
        KnowledgeDigests {
            rules: self.rules.digest(),
            baseline: self.baseline.digest(),
            catalogue: self.catalogue.digest(),
        }
    }
}

#[derive(Serialize)]
struct Said<'a> {
    by: KnowledgeDigests,
    case: &'a Case,
    considered: &'a Considered,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Heard {
    by: KnowledgeDigests,
    case: Case,
    considered: Considered,
}

/// What became of deciding again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// The same came of it.
    Same,
    /// Something else came of it: the line was altered, or this is another program.
    Differs {
        /// What the line says.
        said: Box<Considered>,
        /// What came of it now.
        now: Box<Considered>,
    },
    /// It was decided by other files, so nothing can be said.
    OtherKnowledge {
        /// What the line was decided by.
        by: KnowledgeDigests,
    },
}

/// Why a line could not be read.
#[derive(Debug, Error)]
#[error("it is no line of a decision: {0}")]
pub struct NoLine(#[from] serde_json::Error);

/// The line of a decision, without its end.
pub fn line(case: &Case, considered: &Considered, knowledge: &Knowledge<'_>) -> Result<String, NoLine> {
    Ok(serde_json::to_string(&Said { by: knowledge.digests(), case, considered })?)
}

/// Decides again what `line` holds.
pub fn replay(line: &str, knowledge: &Knowledge<'_>) -> Result<Replayed, NoLine> {
    let Heard { by, case, considered: said } = serde_json::from_str(line)?;
    if by != knowledge.digests() {
        return Ok(Replayed::OtherKnowledge { by });
    }
    let now = consider(&case, knowledge);
    let same = now == said;
    Ok(if same { Replayed::Same } else { Replayed::Differs { said: Box::new(said), now: Box::new(now) } })
}
