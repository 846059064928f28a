//! Whether a pattern needs a literal, and whether it begins where the message begins: proven from its syntax, not tried on samples.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind, Look};

/// What a pattern's syntax says about it.
pub(crate) struct Syntax {
    hir: Hir,
}

impl Syntax {
    /// As the engine reads it: bytes, no Unicode.
    pub(crate) fn of(pattern: &str) -> Result<Self, String> {
        let mut parser = ParserBuilder::new().unicode(false).utf8(false).build();
        parser.parse(pattern).map(|hir| Self { hir }).map_err(|e| e.to_string())
    }

    /// True where every match begins at the message's beginning.
    pub(crate) fn is_anchored(&self) -> bool {
        self.hir.properties().look_set_prefix().contains(Look::Start)
    }

    /// True where every match holds `literal`.
    pub(crate) fn needs(&self, literal: &[u8]) -> bool {
        let mut runs = vec![Vec::new()];
        collect(&self.hir, &mut runs);
        runs.iter().any(|run| memchr::memmem::find(run, literal).is_some())
    }
}

/// Appends what stands in every match, side by side, and begins a new run wherever something else stands between.
fn collect(hir: &Hir, runs: &mut Vec<Vec<u8>>) {
    match hir.kind() {
        HirKind::Literal(literal) => {
            if let Some(run) = runs.last_mut() {
                run.extend_from_slice(&literal.0);
            }
        }
        HirKind::Concat(parts) => parts.iter().for_each(|part| collect(part, runs)),
        HirKind::Capture(group) => collect(&group.sub, runs),
        // No width: what stands before and after it stands side by side.
        HirKind::Look(_) | HirKind::Empty => {}
        HirKind::Repetition(repeated) => {
            runs.push(Vec::new());
            if repeated.min > 0 {
                collect(&repeated.sub, runs);
                runs.push(Vec::new());
            }
        }
        HirKind::Class(_) | HirKind::Alternation(_) => runs.push(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_needed_where_every_match_has_it() {
        for (pattern, literal, needed) in [
            ("^Failed password for .* from ", "Failed password", true),
            ("^a(?:bc)d", "abcd", true),
            ("^a(?P<unit>bcd)e", "abcde", true),
            ("^(?:foo|bar) baz", " baz", true),
            ("^(?:foo|bar) baz", "foo", false),
            ("^x(?:abc)+y", "abc", true),
            ("^x(?:abc)+y", "xabc", false),
            ("^x(?:abc)?y", "abc", false),
            ("^ab.cd", "abcd", false),
            ("^(?i)abc", "abc", false),
        ] {
            let syntax = Syntax::of(pattern).unwrap();
            assert!(syntax.is_anchored(), "{pattern}");
            assert_eq!(syntax.needs(literal.as_bytes()), needed, "{pattern} {literal}");
        }
        for loose in ["abc", "(?:^a|b)", "a^", "(?m)^a"] {
            assert!(!Syntax::of(loose).unwrap().is_anchored(), "{loose}");
        }
    }
}
