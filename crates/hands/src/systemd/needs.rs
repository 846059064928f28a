//! Who goes down with a unit: those that need it, those that need them, and so on. Bounded, and whole or nothing: an answer that left somebody out
//! would be taken for one that says that nobody is there.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use contract::resource::UnitName;

use super::{State, Systemd, Unit};
use crate::error::HandError;

/// More than these nobody can judge.
const NEEDY_MAX: usize = 256;
/// How long all questions together may take.
const WITHIN: Duration = Duration::from_secs(10);

/// The units that cannot go on without this one (they require it, are bound to it or are part of it) or without one of those, each with whether it is
/// well: one that failed already goes down no further. Of names that no configuration can write, such as scopes, only the dependants are here.
pub fn dependants(unit: &UnitName) -> Result<Vec<(UnitName, bool)>, HandError> {
    let unit = Unit::look(Systemd::connect(super::QUESTION)?, unit)?;
    let names = names_above(&unit)?;
    let writable = names.into_iter().filter_map(|name| name.parse::<UnitName>().ok());
    writable.map(|name| Ok((name.clone(), unit.state_of(name.as_str())? != State::Failed))).collect()
}

/// The names of all that go down with a unit.
pub(super) fn names_above(unit: &Unit) -> Result<BTreeSet<String>, HandError> {
    let began = Instant::now();
    let names = all_above(unit.name().as_str(), |name| {
        if began.elapsed() > WITHIN {
            return Err(unit.said("see who needs it", "systemd takes too long to say".to_owned()));
        }
        unit.dependants_of(name)
    })?;
    names.ok_or_else(|| unit.said("see who needs it", format!("more than {NEEDY_MAX} units do")))
}

/// All that stand above `first`, once each, whatever circles there are. None where they are too many.
fn all_above<E>(
    first: &str,
    mut direct: impl FnMut(&str) -> Result<Vec<String>, E>,
) -> Result<Option<BTreeSet<String>>, E> {
    let (mut found, mut open) = (BTreeSet::new(), vec![first.to_owned()]);
    while let Some(name) = open.pop() {
        for above in direct(&name)? {
            if above != first && found.insert(above.clone()) {
                open.push(above);
            }
        }
        if found.len() > NEEDY_MAX {
            return Ok(None);
        }
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn above(edges: &[(&str, &str)], first: &str) -> Vec<String> {
        let mut by = BTreeMap::<&str, Vec<String>>::new();
        for (needed, needy) in edges {
            by.entry(needed).or_default().push((*needy).to_owned());
        }
        let all = all_above(first, |name| Ok::<_, ()>(by.get(name).cloned().unwrap_or_default()));
        all.unwrap().unwrap().into_iter().collect()
    }

    #[test]
    fn who_needs_one_that_needs_it_goes_down_with_it_and_circles_end() {
        let edges = [("postgresql", "app"), ("app", "clinic"), ("clinic", "app"), ("app", "postgresql")];
        assert_eq!(above(&edges, "postgresql"), ["app", "clinic"]);
        assert!(above(&edges, "nobody").is_empty());
    }

    #[test]
    fn one_that_cannot_be_asked_about_spoils_the_whole_answer() {
        let asked = |name: &str| if name == "a" { Ok(vec!["b".to_owned()]) } else { Err("late") };
        assert_eq!(all_above("a", asked), Err("late"));
    }

    #[test]
    fn too_many_are_no_answer() {
        let mut next = 0;
        let endless = |_: &str| {
            next += 1;
            Ok::<_, ()>(vec![next.to_string()])
        };
        assert_eq!(all_above("0", endless), Ok(None));
    }
}
