//! From what is written to what it means, or to the place where it means nothing.

use std::collections::BTreeSet;
use std::fmt::Display;

use contract::ids::RunbookId;
use contract::runbook::OwnDirectory;
use serde_yaml::Spanned;

use super::written::{Written, WrittenMatch, WrittenRule};
use super::{Fault, Oddity, RULES_MAX, Warning};
use crate::path::CanonicalPath;
use crate::rule::{ActorPattern, Bounds, Match, PathSet, Rule, RuleAnswer, Things, UnitSet};
use crate::word::{Person, PolicyName, SysctlKey, Tag, UnitName, VerbWord, Verbs};

/// The longest reason.
const WHY_CHARS_MAX: usize = 300;

/// A place, and what makes no sense there.
pub(super) struct Misread {
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) fault: Fault,
}

fn misread<T>(at: &Spanned<T>, fault: impl Into<Fault>) -> Misread {
    Misread { line: at.referenced.line(), column: at.referenced.column(), fault: fault.into() }
}

fn bad(at: &Spanned<String>, why: &dyn Display) -> Misread {
    misread(at, Fault::Pattern { pattern: at.value.clone(), why: why.to_string() })
}

/// The whole file.
pub(super) fn meaning(
    written: Written,
    verbs: &Verbs,
) -> Result<(PolicyName, Vec<Rule>, Vec<Warning>), Misread> {
    let Written { policy, name, rules: written } = written;
    if policy.value != 1 {
        return Err(misread(&policy, Fault::Version(policy.value)));
    }
    if written.value.len() > RULES_MAX {
        return Err(misread(&written, Fault::TooMany));
    }
    let mut warnings = Vec::new();
    if written.value.is_empty() {
        let (line, column) = (written.referenced.line(), written.referenced.column());
        warnings.push(Warning { line, column, what: Oddity::NoRule });
    }
    let mut ids = BTreeSet::new();
    let mut rules = Vec::with_capacity(written.value.len());
    for written in &written.value {
        let rule = rule(written, verbs)?;
        if !ids.insert(rule.id.clone()) {
            return Err(misread(written, Fault::Twice(rule.id)));
        }
        let what = if rule.matches.is_barren() {
            Some(Oddity::NeverMatches(rule.id.clone()))
        } else if rule.except.iter().any(|except| covers(except, &rule.matches)) {
            Some(Oddity::NeverFires(rule.id.clone()))
        } else {
            None
        };
        let column = written.referenced.column();
        warnings.extend(what.map(|what| Warning { line: rule.line, column, what }));
        rules.push(rule);
    }
    Ok((name, rules, warnings))
}

fn rule(written: &Spanned<WrittenRule>, verbs: &Verbs) -> Result<Rule, Misread> {
    let line = written.referenced.line();
    let WrittenRule { id, matches: place, except: excepts, answer, why } = &written.value;
    let matches = one_match(place, verbs)?;
    if matches == Match::default() {
        return Err(misread(place, Fault::MatchesEverything));
    }
    let mut except = Vec::new();
    if let Some(list) = excepts {
        if *answer == RuleAnswer::Deny {
            return Err(misread(list, Fault::ExceptOnDeny));
        }
        if list.value.is_empty() {
            return Err(misread(list, Fault::EmptyExcept));
        }
        for written in &list.value {
            let one = one_match(written, verbs)?;
            if one == Match::default() || one.is_barren() {
                return Err(misread(written, Fault::EmptyExcept));
            }
            except.push(one);
        }
    }
    let plain = !why.value.trim().is_empty() && !why.value.chars().any(char::is_control);
    if !plain || why.value.chars().count() > WHY_CHARS_MAX {
        return Err(misread(why, Fault::Why));
    }
    let (except, why) = (except.into(), why.value.as_str().into());
    Ok(Rule { id: id.clone(), matches, except, answer: *answer, why, line })
}

fn one_match(place: &Spanned<WrittenMatch>, known: &Verbs) -> Result<Match, Misread> {
    let WrittenMatch {
        verbs,
        operations,
        paths,
        programs,
        units,
        sysctls,
        own,
        runbooks,
        actors,
        tags,
        size_max,
        age_min,
        count_max,
    } = &place.value;
    let verb = |at: &Spanned<VerbWord>| {
        known.find(&at.value).ok_or_else(|| misread(at, Fault::UnknownVerb(at.value.clone())))
    };
    let mut kinds = Vec::new();
    kinds.extend(path_set(paths.as_deref())?.map(Things::Paths));
    kinds.extend(path_set(programs.as_deref())?.map(Things::Programs));
    kinds.extend(unit_set(units.as_deref())?.map(Things::Units));
    kinds.extend(list(sysctls.as_deref(), word::<SysctlKey>)?.map(Things::Sysctls));
    kinds.extend(list(own.as_deref(), own_directory)?.map(Things::Own));
    if kinds.len() > 1 {
        return Err(misread(place, Fault::ManyKinds(kinds.len())));
    }
    let runbook = |at: &Spanned<String>| at.value.parse::<RunbookId>().map_err(|e| bad(at, &e));
    Ok(Match {
        verbs: list(verbs.as_deref(), verb)?,
        operations: list(operations.as_deref(), |at| Ok(at.value))?,
        things: kinds.pop(),
        runbooks: list(runbooks.as_deref(), runbook)?,
        actors: list(actors.as_deref(), actor)?,
        tags: list(tags.as_deref(), word::<Tag>)?,
        bounds: Bounds {
            size_max_bytes: size_max.map(|size| size.0),
            age_min_ms: age_min.map(|age| age.0),
            count_max: *count_max,
        },
    })
}

/// Every value of a list, sorted and each once; `None` where there is no list.
fn list<W, T: Ord>(
    written: Option<&[Spanned<W>]>,
    read: impl Fn(&Spanned<W>) -> Result<T, Misread>,
) -> Result<Option<Box<[T]>>, Misread> {
    let Some(written) = written else { return Ok(None) };
    let mut values: Vec<T> = written.iter().map(read).collect::<Result<_, _>>()?;
    values.sort();
    values.dedup();
    Ok(Some(values.into()))
}

fn word<T: for<'a> TryFrom<&'a str, Error = crate::word::BadWord>>(
    at: &Spanned<String>,
) -> Result<T, Misread> {
    T::try_from(at.value.as_str()).map_err(|e| misread(at, e))
}

/// Paths: exact, or `/**` at the end for all that lies below.
fn path_set(written: Option<&[Spanned<String>]>) -> Result<Option<PathSet>, Misread> {
    let Some(written) = written else { return Ok(None) };
    let (mut exact, mut below) = (Vec::new(), Vec::new());
    for at in written {
        let text = at.value.as_str();
        let (root, into) = match text.strip_suffix("/**") {
            Some("") => ("/", &mut below),
            Some(root) => (root, &mut below),
            None => (text, &mut exact),
        };
        if root.contains(['*', '?', '[', '{']) {
            return Err(bad(at, &"the only pattern is /** at the end"));
        }
        into.push(CanonicalPath::try_from(root).map_err(|e| bad(at, &e))?);
    }
    let sorted = |mut paths: Vec<CanonicalPath>| {
        paths.sort();
        paths.dedup();
        paths.into()
    };
    Ok(Some(PathSet { exact: sorted(exact), below: sorted(below) }))
}

/// Units: exact, or `@*` for all instances of a template.
fn unit_set(written: Option<&[Spanned<String>]>) -> Result<Option<UnitSet>, Misread> {
    let Some(written) = written else { return Ok(None) };
    let (mut exact, mut templates) = (Vec::new(), Vec::new());
    for at in written {
        match at.value.split_once("@*.") {
            Some((name, kind)) => {
                let template = format!("{name}@.{kind}");
                templates.push(UnitName::try_from(template.as_str()).map_err(|e| misread(at, e))?);
            }
            None if at.value.contains('*') => {
                return Err(bad(at, &"the only pattern is name@*.service"));
            }
            None => exact.push(word::<UnitName>(at)?),
        }
    }
    exact.sort();
    exact.dedup();
    templates.sort();
    templates.dedup();
    Ok(Some(UnitSet { exact: exact.into(), templates: templates.into() }))
}

fn own_directory(at: &Spanned<String>) -> Result<OwnDirectory, Misread> {
    OwnDirectory::from_word(&at.value).ok_or_else(|| bad(at, &"it is none of Suture's own directories"))
}

fn actor(at: &Spanned<String>) -> Result<ActorPattern, Misread> {
    match at.value.as_str() {
        "hub" => Ok(ActorPattern::Hub),
        "standing" => Ok(ActorPattern::Standing),
        "person" => Ok(ActorPattern::AnyPerson),
        other => match other.strip_prefix("person:") {
            Some(person) => Person::try_from(person).map(ActorPattern::Person).map_err(|e| misread(at, e)),
            None => Err(bad(at, &"an actor is hub, standing, person or person:<who>")),
        },
    }
}

/// True where `except` matches whatever `matches` does: each of its fields is asked there too, and for no more values.
///
/// By what is written, value for value: `/srv/x` is not seen to lie in `/srv/**`. It is a hint to whoever wrote it, not a proof.
fn covers(except: &Match, matches: &Match) -> bool {
    fn all<T: PartialEq>(except: Option<&[T]>, matches: Option<&[T]>) -> bool {
        except.is_none_or(|except| {
            matches.is_some_and(|matches| matches.iter().all(|value| except.contains(value)))
        })
    }
    let Match { verbs, operations, things, runbooks, actors, tags, bounds } = except;
    let unbounded = *bounds == Bounds::default() || *bounds == matches.bounds;
    all(verbs.as_deref(), matches.verbs.as_deref())
        && all(operations.as_deref(), matches.operations.as_deref())
        && all(runbooks.as_deref(), matches.runbooks.as_deref())
        && all(actors.as_deref(), matches.actors.as_deref())
        && all(tags.as_deref(), matches.tags.as_deref())
        && (things.is_none() || *things == matches.things)
        && unbounded
}
