//! The file as it is written, before its meaning is looked at. Every value that can be wrong knows its place.

use serde::{Deserialize, Deserializer};
use serde_yaml::Spanned;

use crate::quantity::{Bytes, Ms};
use crate::request::Operation;
use crate::rule::RuleAnswer;
use crate::word::{PolicyName, RuleId, VerbWord};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) policy: Spanned<u32>,
    pub(super) name: PolicyName,
    pub(super) rules: Spanned<Vec<Spanned<WrittenRule>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRule {
    pub(super) id: RuleId,
    #[serde(rename = "match")]
    pub(super) matches: Spanned<WrittenMatch>,
    #[serde(default, deserialize_with = "present")]
    pub(super) except: Option<Spanned<Vec<Spanned<WrittenMatch>>>>,
    pub(super) answer: RuleAnswer,
    pub(super) why: Spanned<String>,
}

/// A list, each value with its place.
pub(super) type List<T> = Option<Vec<Spanned<T>>>;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WrittenMatch {
    #[serde(deserialize_with = "present")]
    pub(super) verbs: List<VerbWord>,
    #[serde(deserialize_with = "present")]
    pub(super) operations: List<Operation>,
    #[serde(deserialize_with = "present")]
    pub(super) paths: List<String>,
    #[serde(deserialize_with = "present")]
    pub(super) programs: List<String>,
    #[serde(deserialize_with = "present")]
    pub(super) units: List<String>,
    #[serde(deserialize_with = "present")]
    pub(super) sysctls: List<String>,
    #[serde(deserialize_with = "present")]
    pub(super) own: List<String>,
    #[serde(deserialize_with = "present")]
    pub(super) runbooks: List<String>,
    #[serde(deserialize_with = "present")]
    pub(super) actors: List<String>,
    #[serde(deserialize_with = "present")]
    pub(super) tags: List<String>,
    #[serde(deserialize_with = "present")]
    pub(super) size_max: Option<Bytes>,
    #[serde(deserialize_with = "present")]
    pub(super) age_min: Option<Ms>,
    #[serde(deserialize_with = "present")]
    pub(super) count_max: Option<u64>,
}

/// A key that is there has a value: `units:` with nothing behind is not the same as no `units` at all, which would match any unit.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
