//! Finding the few rules that could match among ten thousand.
//!
//! Rules lie by verb; within a verb each under the field that tells it best from the others. What is found is still asked in full, so the index can only
//! cost time, never an answer: two keys with one hash lead to a rule that does not match, and is passed over.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use crate::path::CanonicalPath;
use crate::request::{Actor, Request, Resource};
use crate::rule::{ActorPattern, Match, PathSet, Rule, RuleAnswer, Things, ends_of};
use crate::word::{VerbIndex, Verbs};

/// A rule's place among the rules.
pub(crate) type RuleIndex = u32;

/// What a rule is found by, beside the text of it.
#[derive(Clone, Copy)]
enum Kind {
    Path = 1,
    /// It speaks of what lies below this directory.
    Below,
    /// It speaks of something that lies below this directory.
    Above,
    Program,
    ProgramBelow,
    ProgramAbove,
    Unit,
    Template,
    Sysctl,
    Own,
    Runbook,
    Hub,
    Standing,
    AnyPerson,
    Person,
    Tag,
}

/// A hash that is taken a byte at a time (FNV-1a), so that one walk along a path gives the hash of each directory on the way. It is the same on every
/// run: a decision must be the same when it is replayed, and so must the order of its reasons. Nobody gains by two keys with one hash.
#[derive(Clone, Copy)]
struct Text(u64);

impl Text {
    const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    fn of(text: &str) -> Self {
        text.bytes().fold(Self::EMPTY, Self::and)
    }

    const fn and(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x0100_0000_01b3))
    }

    /// The key, with its bits well mixed: the table looks at the highest and the lowest.
    const fn key(self, kind: Kind) -> u64 {
        let mixed = self.0 ^ (kind as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^ (mixed >> 33)
    }
}

/// The hash of each directory that `path` lies in, from the root on, and its own.
fn along(path: &CanonicalPath, mut above: impl FnMut(Text)) -> Text {
    let mut so_far = Text::EMPTY;
    for (at, byte) in path.as_str().bytes().enumerate() {
        // The root is spelt with its slash, every other directory without.
        if at == 1 || (at > 1 && byte == b'/') {
            above(so_far);
        }
        so_far = so_far.and(byte);
    }
    so_far
}

/// Keys are hashes already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        // Only u64 is hashed here; anything else would still be right, and slow.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// The fields that a rule can be found by: things, runbooks, tags, actors.
const FIELDS: usize = 4;
const THINGS: usize = 0;
const RUNBOOKS: usize = 1;
const TAGS: usize = 2;
const ACTORS: usize = 3;

/// Which keys a rule or a request has in each field, as 64 bits for each: where two have no bit in common they have no key in common. A field that a
/// rule does not ask has all bits. Most of what a crowded bucket holds is passed over by this, without a look at the rule.
#[derive(Debug, Clone, Copy)]
struct Sketch([u64; FIELDS]);

impl Sketch {
    const fn bit(key: u64) -> u64 {
        1 << (key >> 58)
    }

    fn of_rule(fields: &[Option<Vec<u64>>; FIELDS]) -> Self {
        Self(std::array::from_fn(|field| match &fields[field] {
            None => u64::MAX,
            Some(keys) => keys.iter().fold(0, |bits, key| bits | Self::bit(*key)),
        }))
    }

    fn meets(&self, request: &Self) -> bool {
        (0..FIELDS).all(|field| self.0[field] == u64::MAX || self.0[field] & request.0[field] != 0)
    }
}

type Bucket = Vec<(RuleIndex, Sketch)>;

/// The rules of one verb.
#[derive(Debug, Clone, Default)]
struct OfVerb {
    buckets: HashMap<u64, Bucket, BuildHasherDefault<AsItIs>>,
    /// Those that nothing but the verb tells apart.
    always: Vec<RuleIndex>,
}

/// All rules, by verb.
#[derive(Debug, Clone)]
pub(crate) struct Index(Box<[OfVerb]>);

impl Index {
    /// Indexes the rules. Those that can match nothing are left out.
    pub(crate) fn of(rules: &[Rule], verbs: &Verbs) -> Self {
        let of_verb = |verb: u16| OfVerb::of(rules, VerbIndex(verb));
        Self((0..verbs.count()).filter_map(|verb| u16::try_from(verb).ok()).map(of_verb).collect())
    }

    /// Calls `found` with every rule that could match. A rule may come more than once. Ends with the first `Some`.
    pub(crate) fn candidates<T>(
        &self,
        verb: VerbIndex,
        request: &Request,
        mut found: impl FnMut(RuleIndex) -> Option<T>,
    ) -> Option<T> {
        let of_verb = &self.0[usize::from(verb.0)];
        if let Some(end) = of_verb.always.iter().find_map(|rule| found(*rule)) {
            return Some(end);
        }
        if of_verb.buckets.is_empty() {
            return None;
        }
        let mut keys = Vec::with_capacity(32);
        let mut sketch = Sketch([0; FIELDS]);
        keys_of(request, |field, key| {
            sketch.0[field] |= Sketch::bit(key);
            keys.push(key);
        });
        let buckets = keys.iter().filter_map(|key| of_verb.buckets.get(key));
        let mut meeting = buckets.flatten().filter(|(_, rule)| rule.meets(&sketch));
        meeting.find_map(|(rule, _)| found(*rule))
    }
}

impl OfVerb {
    fn of(rules: &[Rule], verb: VerbIndex) -> Self {
        let asked = |rule: &&Rule| rule.matches.verbs.as_ref().is_none_or(|list| list.contains(&verb));
        let mine: Vec<(RuleIndex, [Option<Vec<u64>>; FIELDS])> = (0..)
            .zip(rules)
            .filter(|(_, rule)| !rule.matches.is_barren() && asked(rule))
            .map(|(index, rule)| (index, fields(&rule.matches, rule.answer)))
            .collect();
        let mut crowd: BTreeMap<u64, usize> = BTreeMap::new();
        for key in mine.iter().flat_map(|(_, fields)| fields.iter().flatten().flatten()) {
            *crowd.entry(*key).or_default() += 1;
        }
        let crowded = |field: &&Vec<u64>| field.iter().map(|key| crowd[key]).max().unwrap_or(0);
        let mut this = Self::default();
        for (index, fields) in &mine {
            match fields.iter().flatten().min_by_key(crowded) {
                None => this.always.push(*index),
                Some(field) => field.iter().for_each(|key| {
                    this.buckets.entry(*key).or_default().push((*index, Sketch::of_rule(fields)));
                }),
            }
        }
        this
    }
}

/// The keys of each field that a rule asks. It is found by any key of one of them, each key once.
fn fields(matches: &Match, answer: RuleAnswer) -> [Option<Vec<u64>>; FIELDS] {
    let wide = match answer {
        RuleAnswer::Allow => false,
        RuleAnswer::Deny | RuleAnswer::RequireReview => true,
    };
    let actor = |pattern: &ActorPattern| match pattern {
        ActorPattern::Hub => Text::EMPTY.key(Kind::Hub),
        ActorPattern::Standing => Text::EMPTY.key(Kind::Standing),
        ActorPattern::AnyPerson => Text::EMPTY.key(Kind::AnyPerson),
        ActorPattern::Person(person) => Text::of(person.as_str()).key(Kind::Person),
    };
    let Match { verbs: _, operations: _, things, runbooks, actors, tags, bounds: _ } = matches;
    let mut fields = [const { None }; FIELDS];
    fields[THINGS] = things.as_ref().map(|things| keys_of_things(things, wide));
    fields[RUNBOOKS] = runbooks
        .as_ref()
        .map(|list| list.iter().map(|id| Text::of(id.as_str()).key(Kind::Runbook)).collect());
    fields[TAGS] =
        tags.as_ref().map(|list| list.iter().map(|tag| Text::of(tag.as_str()).key(Kind::Tag)).collect());
    fields[ACTORS] = actors.as_ref().map(|list| list.iter().map(actor).collect());
    for keys in fields.iter_mut().flatten() {
        // The directory above two patterns is one key.
        keys.sort_unstable();
        keys.dedup();
    }
    fields
}

fn keys_of_things(things: &Things, wide: bool) -> Vec<u64> {
    let mut keys = Vec::new();
    match things {
        Things::Paths(set) => keys_of_paths(set, [Kind::Path, Kind::Below, Kind::Above], wide, &mut keys),
        Things::Programs(set) => {
            let kinds = [Kind::Program, Kind::ProgramBelow, Kind::ProgramAbove];
            keys_of_paths(set, kinds, wide, &mut keys);
        }
        Things::Units(set) => {
            keys.extend(set.exact.iter().map(|unit| Text::of(unit.as_str()).key(Kind::Unit)));
            keys.extend(set.templates.iter().filter_map(|unit| template(unit.as_str())));
        }
        Things::Sysctls(list) => {
            keys.extend(list.iter().map(|key| Text::of(key.as_str()).key(Kind::Sysctl)));
        }
        Things::Own(list) => keys.extend(list.iter().map(|own| Text::of(own.word()).key(Kind::Own))),
    }
    keys
}

fn keys_of_paths(set: &PathSet, [itself, below, above]: [Kind; 3], wide: bool, keys: &mut Vec<u64>) {
    keys.extend(set.exact.iter().map(|path| Text::of(path.as_str()).key(itself)));
    keys.extend(set.below.iter().map(|path| Text::of(path.as_str()).key(below)));
    if wide {
        keys.extend(set.below.iter().map(|path| Text::of(path.as_str()).key(above)));
        for path in set.roots() {
            along(path, |directory| keys.push(directory.key(above)));
        }
    }
}

/// The key of a template and of its instances.
fn template(unit: &str) -> Option<u64> {
    let (head, kind) = ends_of(unit)?;
    Some(kind.bytes().fold(Text::of(head), Text::and).key(Kind::Template))
}

/// Every key under which a rule for this request could lie, with the field that it is of.
fn keys_of(request: &Request, mut put: impl FnMut(usize, u64)) {
    let mut put_path = |path: &CanonicalPath, [itself, below, above]: [Kind; 3]| {
        let whole = along(path, |directory| put(THINGS, directory.key(below)));
        put(THINGS, whole.key(itself));
        if request.operation.takes_all_below() {
            put(THINGS, whole.key(above));
        }
    };
    match &request.resource {
        Resource::Path(path) => put_path(path, [Kind::Path, Kind::Below, Kind::Above]),
        Resource::Program(path) => put_path(path, [Kind::Program, Kind::ProgramBelow, Kind::ProgramAbove]),
        Resource::Unit(unit) => {
            put(THINGS, Text::of(unit.as_str()).key(Kind::Unit));
            if let Some(template) = template(unit.as_str()) {
                put(THINGS, template);
            }
        }
        Resource::Sysctl(key) => put(THINGS, Text::of(key.as_str()).key(Kind::Sysctl)),
        Resource::Own(directory) => put(THINGS, Text::of(directory.word()).key(Kind::Own)),
        Resource::Unplaced(_) | Resource::User(_) | Resource::Machine => {}
    }
    put(RUNBOOKS, Text::of(request.runbook.as_str()).key(Kind::Runbook));
    match &request.actor {
        Actor::Hub => put(ACTORS, Text::EMPTY.key(Kind::Hub)),
        Actor::Standing => put(ACTORS, Text::EMPTY.key(Kind::Standing)),
        Actor::Person(person) => {
            put(ACTORS, Text::EMPTY.key(Kind::AnyPerson));
            put(ACTORS, Text::of(person.as_str()).key(Kind::Person));
        }
    }
    request.tags.iter().for_each(|tag| put(TAGS, Text::of(tag.as_str()).key(Kind::Tag)));
}
