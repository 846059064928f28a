//! Rules: what each matches, what it excepts, and which way it leans where something is not known.

use std::fmt;

use contract::ids::RunbookId;
use contract::runbook::OwnDirectory;
use serde::{Deserialize, Serialize};

use crate::path::CanonicalPath;
use crate::request::{Actor, Measures, Operation, Request, Resource};
use crate::word::{Person, RuleId, SysctlKey, Tag, UnitName, VerbIndex};

/// What a rule answers where it matches and nothing is excepted. Where something is, it abstains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleAnswer {
    /// It may be done, unless something else says otherwise.
    Allow,
    /// It may not, whatever else is said.
    Deny,
    /// A person has to look, unless something denies.
    RequireReview,
}

/// Which way doubt counts.
///
/// Doubt is a measure that was not taken, and a directory that is deleted or renamed with what a pattern speaks of somewhere below it. An allowing
/// rule matches narrowly and is excepted widely, a reviewing or denying one the other way round: so doubt never allows, and lifts no denial. At worst a
/// person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lean {
    /// Doubt is no match.
    Narrow,
    /// Doubt is a match.
    Wide,
}

/// A set of paths: some written out, some as all that lies below a directory (`/srv/**`, which is not `/srv` itself).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PathSet {
    /// Sorted.
    pub(crate) exact: Box<[CanonicalPath]>,
    /// Sorted.
    pub(crate) below: Box<[CanonicalPath]>,
}

impl PathSet {
    fn holds(&self, path: &CanonicalPath, takes_all_below: bool) -> bool {
        let listed = |list: &[CanonicalPath], text: &str| {
            list.binary_search_by(|listed| listed.as_str().cmp(text)).is_ok()
        };
        // A few are asked one by one; of many, only those on the path.
        let lies_below = match &*self.below {
            few if few.len() <= 8 => few.iter().any(|root| path.is_below(root)),
            many => path.ancestors().any(|ancestor| listed(many, ancestor)),
        };
        listed(&self.exact, path.as_str())
            || lies_below
            || (takes_all_below
                && (listed(&self.below, path.as_str()) || self.roots().any(|root| root.is_below(path))))
    }

    /// Everything that it is written with.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &CanonicalPath> {
        self.exact.iter().chain(&self.below)
    }
}

/// A set of units: some by name, some as all instances of a template (`backup@*.service`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UnitSet {
    /// Sorted.
    pub(crate) exact: Box<[UnitName]>,
    /// Sorted, as the template that they are instances of: `backup@.service`.
    pub(crate) templates: Box<[UnitName]>,
}

impl UnitSet {
    fn holds(&self, unit: &UnitName) -> bool {
        self.exact.binary_search(unit).is_ok()
            || self.templates.iter().any(|template| is_instance(unit.as_str(), template.as_str()))
    }
}

/// The two ends of a template's or an instance's name, around what tells its instances from each other.
pub(crate) fn ends_of(unit: &str) -> Option<(&str, &str)> {
    let (at, dot) = (unit.find('@')? + 1, unit.rfind('.')?);
    (at <= dot).then(|| (&unit[..at], &unit[dot..]))
}

/// A template is no instance of itself: it is longer by what tells it from the others.
fn is_instance(unit: &str, template: &str) -> bool {
    unit.len() > template.len() && ends_of(unit) == ends_of(template)
}

/// The things that a rule speaks of. A thing is of one kind, so a rule speaks of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Things {
    Paths(PathSet),
    Programs(PathSet),
    Units(UnitSet),
    Sysctls(Box<[SysctlKey]>),
    Own(Box<[OwnDirectory]>),
}

impl Things {
    fn holds(&self, request: &Request, lean: Lean) -> bool {
        let all_below = lean == Lean::Wide && request.operation.takes_all_below();
        match (self, &request.resource) {
            (Self::Paths(set), Resource::Path(path)) | (Self::Programs(set), Resource::Program(path)) => {
                set.holds(path, all_below)
            }
            (Self::Units(set), Resource::Unit(unit)) => set.holds(unit),
            (Self::Sysctls(list), Resource::Sysctl(key)) => list.binary_search(key).is_ok(),
            (Self::Own(list), Resource::Own(directory)) => list.contains(directory),
            // Kinds differ: a rule about units says nothing of a path.
            (
                Self::Paths(_) | Self::Programs(_) | Self::Units(_) | Self::Sysctls(_) | Self::Own(_),
                Resource::Path(_)
                | Resource::Unplaced(_)
                | Resource::Program(_)
                | Resource::Unit(_)
                | Resource::Sysctl(_)
                | Resource::Own(_)
                | Resource::User(_)
                | Resource::Machine,
            ) => false,
        }
    }

    /// True where nothing is listed, so that nothing can match.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Paths(set) | Self::Programs(set) => set.exact.is_empty() && set.below.is_empty(),
            Self::Units(set) => set.exact.is_empty() && set.templates.is_empty(),
            Self::Sysctls(list) => list.is_empty(),
            Self::Own(list) => list.is_empty(),
        }
    }
}

/// On whose word: the hub's, a standing order's, any person's or one person's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ActorPattern {
    Hub,
    Standing,
    AnyPerson,
    Person(Person),
}

impl ActorPattern {
    fn matches(&self, actor: &Actor) -> bool {
        match (self, actor) {
            (Self::Hub, Actor::Hub)
            | (Self::Standing, Actor::Standing)
            | (Self::AnyPerson, Actor::Person(_)) => true,
            (Self::Person(one), Actor::Person(other)) => one == other,
            (Self::Hub | Self::Standing | Self::AnyPerson | Self::Person(_), _) => false,
        }
    }
}

/// The numbers that a match may bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) size_max_bytes: Option<u64>,
    pub(crate) age_min_ms: Option<u64>,
    pub(crate) count_max: Option<u64>,
}

impl Bounds {
    fn hold(&self, taken: &Measures, lean: Lean) -> bool {
        let within =
            |bound: Option<u64>, measured: Option<u64>, fits: fn(u64, u64) -> bool| match (bound, measured) {
                (None, _) => true,
                (Some(bound), Some(measured)) => fits(measured, bound),
                (Some(_), None) => lean == Lean::Wide,
            };
        within(self.size_max_bytes, taken.size_bytes, |measured, most| measured <= most)
            && within(self.age_min_ms, taken.age_ms, |measured, least| measured >= least)
            && within(self.count_max, taken.count, |measured, most| measured <= most)
    }
}

/// Fields, all of which have to match; each list by one of its values. What is `None` is not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) verbs: Option<Box<[VerbIndex]>>,
    pub(crate) operations: Option<Box<[Operation]>>,
    pub(crate) things: Option<Things>,
    pub(crate) runbooks: Option<Box<[RunbookId]>>,
    pub(crate) actors: Option<Box<[ActorPattern]>>,
    pub(crate) tags: Option<Box<[Tag]>>,
    pub(crate) bounds: Bounds,
}

impl Match {
    fn fits(&self, verb: VerbIndex, request: &Request, lean: Lean) -> bool {
        self.misfit(verb, request, lean).is_none()
    }

    /// The first field that does not match. Of ten thousand rules the index may leave some hundred, so the cheap ones come first.
    fn misfit(&self, verb: VerbIndex, request: &Request, lean: Lean) -> Option<Field> {
        let Self { verbs, operations, things, runbooks, actors, tags, bounds } = self;
        let fits = |field: &Field| match field {
            Field::Verbs => verbs.as_ref().is_none_or(|list| list.contains(&verb)),
            Field::Operations => operations.as_ref().is_none_or(|list| list.contains(&request.operation)),
            Field::Tags => tags.as_ref().is_none_or(|list| list.iter().any(|tag| request.tags.contains(tag))),
            Field::Actors => {
                actors.as_ref().is_none_or(|list| list.iter().any(|actor| actor.matches(&request.actor)))
            }
            Field::Runbooks => {
                runbooks.as_ref().is_none_or(|list| list.binary_search(&request.runbook).is_ok())
            }
            Field::Things => things.as_ref().is_none_or(|things| things.holds(request, lean)),
            Field::Bounds => bounds.hold(&request.measures, lean),
        };
        Field::ALL.into_iter().find(|field| !fits(field))
    }

    /// True where a list is empty: this can match nothing.
    pub(crate) fn is_barren(&self) -> bool {
        let Self { verbs, operations, things, runbooks, actors, tags, bounds: _ } = self;
        verbs.as_ref().is_some_and(|list| list.is_empty())
            || operations.as_ref().is_some_and(|list| list.is_empty())
            || things.as_ref().is_some_and(Things::is_empty)
            || runbooks.as_ref().is_some_and(|list| list.is_empty())
            || actors.as_ref().is_some_and(|list| list.is_empty())
            || tags.as_ref().is_some_and(|list| list.is_empty())
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub(crate) id: RuleId,
    pub(crate) matches: Match,
    pub(crate) except: Box<[Match]>,
    pub(crate) answer: RuleAnswer,
    pub(crate) why: Box<str>,
    pub(crate) line: u64,
}

/// A field of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// `verbs`.
    Verbs,
    /// `operations`.
    Operations,
    /// `tags`.
    Tags,
    /// `actors`.
    Actors,
    /// `runbooks`.
    Runbooks,
    /// `paths`, `programs`, `units`, `sysctls` or `own`.
    Things,
    /// `size_max`, `age_min` or `count_max`.
    Bounds,
}

impl Field {
    const ALL: [Self; 7] =
        [Self::Verbs, Self::Operations, Self::Tags, Self::Actors, Self::Runbooks, Self::Things, Self::Bounds];
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Verbs => "verbs",
            Self::Operations => "operations",
            Self::Tags => "tags",
            Self::Actors => "actors",
            Self::Runbooks => "runbooks",
            Self::Things => "paths, programs, units, sysctls or own",
            Self::Bounds => "size_max, age_min or count_max",
        })
    }
}

/// What a rule does for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It answers.
    Answers,
    /// It matches, and this one of its exceptions does too, counted from 1.
    Abstains(usize),
    /// It does not match: this field does not.
    NoMatch(Field),
}

impl Rule {
    /// Its name.
    pub const fn id(&self) -> &RuleId {
        &self.id
    }

    /// What it answers.
    pub const fn answer(&self) -> RuleAnswer {
        self.answer
    }

    /// Why there is such a rule, in the words of whoever wrote it.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Where it stands in its file, counted from 1.
    pub const fn line(&self) -> u64 {
        self.line
    }

    const fn leans(&self) -> (Lean, Lean) {
        match self.answer {
            RuleAnswer::Allow => (Lean::Narrow, Lean::Wide),
            RuleAnswer::Deny | RuleAnswer::RequireReview => (Lean::Wide, Lean::Narrow),
        }
    }

    pub(crate) fn answers(&self, verb: VerbIndex, request: &Request) -> bool {
        let (matching, excepting) = self.leans();
        self.matches.fits(verb, request, matching)
            && !self.except.iter().any(|except| except.fits(verb, request, excepting))
    }

    /// The same, with the reason.
    pub(crate) fn effect(&self, verb: VerbIndex, request: &Request) -> Effect {
        let (matching, excepting) = self.leans();
        if let Some(field) = self.matches.misfit(verb, request, matching) {
            return Effect::NoMatch(field);
        }
        let excepted = self.except.iter().position(|except| except.fits(verb, request, excepting));
        excepted.map_or(Effect::Answers, |index| Effect::Abstains(index + 1))
    }

    /// True where it says the same as `other`, wherever either stands.
    pub(crate) fn same_meaning(&self, other: &Self) -> bool {
        let Self { id, matches, except, answer, why: _, line: _ } = self;
        *id == other.id && *answer == other.answer && *matches == other.matches && *except == other.except
    }
}
