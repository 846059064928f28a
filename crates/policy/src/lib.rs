//! The site's policy: typed rules, decided purely.
//!
//! A rule answers allow, deny or review, or abstains. The order of rules never matters: deny ends it, review beats allow, and what nothing matched is denied.
//! Built-in rules come first and are never overridden. The clock, the links of the file system, the known verbs and the extension are handed in; an answer
//! is handed out once its record is durable, and not before.
//!
//! **Holds:** what is not known allows nothing. **Absent:** I/O, clocks, randomness; regular expressions; a rule that comes before another.
#![forbid(unsafe_code)]

mod builtin;
mod decision;
mod diff;
mod engine;
mod explain;
mod extension;
mod file;
mod in_force;
mod index;
mod path;
mod quantity;
mod replace;
mod request;
mod rule;
pub mod token;
mod word;

pub use builtin::{BuiltIn, Protected, ProtectedFault, Role};
pub use decision::{Allowed, Answer, Decision, DecisionRecord, Ground, NotOpened, Pending, Reason, Recorded};
pub use diff::{RuleChange, diff};
pub use engine::{Ask, Engine, Presented};
pub use explain::{Explanation, Phase, RuleSaid};
pub use extension::{Extension, ExtensionFault, Verdict};
pub use file::{Fault, Oddity, Policy, PolicyError, RULES_MAX, Warning};
pub use in_force::{InForce, NotInForce};
pub use path::{CanonicalPath, Entry, Last, Links, NoLinks, PathFault};
pub use quantity::{Bytes, Ms, QuantityFault};
pub use replace::{
    BREAKING_WITHOUT_PHRASE, Change, Confirmed, Phrase, PhraseMissing, REPLAYED_MAX, Replacement, Shift,
};
pub use request::{Actor, Measures, Operation, Request, Resource};
pub use rule::{Effect, Field, Rule, RuleAnswer};
pub use word::{BadWord, Code, Person, PolicyName, RuleId, SysctlKey, Tag, UnitName, VerbWord, Verbs};
