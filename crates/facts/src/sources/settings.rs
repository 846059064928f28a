//! The small grammars that configuration files share: words for facts, spans of time, sizes, and names that match a pattern.

use contract::fact::{Absence, FactValue, Observation, Word};

/// A setting's word, as a fact. What does not fit a word is no setting that we know.
pub(super) fn word(text: &str) -> Observation {
    Word::try_from(text.to_owned()).map(FactValue::Word).map_err(|_| Absence::Malformed)
}

/// A setting's number where it is one, else its word.
pub(super) fn number_or_word(text: &str) -> Observation {
    text.parse().map_or_else(|_| word(text), |n| Ok(FactValue::Number(n)))
}

/// Lines with what follows a `#` cut off, trimmed, without empty ones.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|l| l.split('#').next().unwrap_or_default().trim()).filter(|l| !l.is_empty())
}

/// Numbers with units one after another, such as `1h30m` or `2weeks 3d`; a bare number counts as `1` of the first unit in the table.
pub(super) fn quantity(text: &str, units: &[(&[&str], i64)]) -> Option<i64> {
    let text = text.trim();
    let mut rest = text;
    let mut sum: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, next) = after.split_at(letters);
        let factor = match unit {
            "" => units.first()?.1,
            unit => units.iter().find(|(names, _)| names.contains(&unit))?.1,
        };
        sum = sum.checked_add(number.parse::<i64>().ok()?.checked_mul(factor)?)?;
        rest = next.trim_start();
    }
    (!text.is_empty()).then_some(sum)
}

/// Whether `name` matches a pattern of literal text and `*`.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name.strip_prefix(head).is_some_and(|rest| {
            rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| matches(tail, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_add_up_and_nothing_else_parses() {
        let units: &[(&[&str], i64)] = &[(&["s"], 1), (&["m", "min"], 60), (&["h"], 3600)];
        for (text, want) in [("90", 90), ("15m", 900), ("1h30m", 5400), ("1h 30min 5", 5405)] {
            assert_eq!(quantity(text, units), Some(want), "{text}");
        }
        for bad in ["", "m", "1x", "-1", "99999999999999999999", "9223372036854775807h"] {
            assert_eq!(quantity(bad, units), None, "{bad}");
        }
    }

    #[test]
    fn a_star_stands_for_anything() {
        assert!(matches("*.conf", "a.conf") && matches("a*b*c", "axbyc") && matches("*", ""));
        assert!(!matches("*.conf", "a.conf~") && !matches("a", "ab"));
    }
}
