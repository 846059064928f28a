//! The first stage: where in a block a line begins to matter.
//!
//! Literals are sorted into groups, each small enough for the processor's vector instructions to look for at once. Where it has none, one table of
//! all states does the same more slowly.

use aho_corasick::packed::{self, Searcher};
use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind, Span};

use crate::library::BadDetectors;

/// As many literals are looked for at once. More would share the same bits, and be told apart one by one.
const GROUP: usize = 48;
/// The vector instructions look at so many bytes of a literal.
const FINGERPRINT: usize = 4;
/// A piece of a literal is not shorter than this, where the literal is not.
const PIECE_BYTES_MIN: usize = 8;

/// Finds literals in blocks.
#[derive(Debug)]
pub(crate) enum Finder {
    /// By vector instructions, group by group.
    Groups(Vec<Searcher>),
    /// By one table.
    Table(AhoCorasick),
}

/// How far each group has looked in one block.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Where its next hit ends.
    next: Vec<Option<usize>>,
}

impl Finder {
    pub(crate) fn new(literals: &[&str]) -> Result<Self, BadDetectors> {
        let mut pieces: Vec<&[u8]> = literals.iter().map(|l| piece(l.as_bytes())).collect();
        // Those that begin alike share their bits anyway.
        pieces.sort_unstable();
        pieces.dedup();
        match pieces.chunks(GROUP).map(group).collect() {
            Some(groups) => Ok(Self::Groups(groups)),
            None => Self::table(&pieces),
        }
    }

    fn table(pieces: &[&[u8]]) -> Result<Self, BadDetectors> {
        let mut builder = AhoCorasick::builder();
        let builder = builder.match_kind(MatchKind::Standard).kind(Some(AhoCorasickKind::DFA));
        builder.build(pieces).map(Self::Table).map_err(BadDetectors::Literals)
    }

    /// Begins a block.
    pub(crate) fn begin(&self, block: &[u8]) -> Progress {
        let next = match self {
            Self::Groups(groups) => groups.iter().map(|g| find(g, block, 0)).collect(),
            Self::Table(table) => vec![table.find(block).map(|m| m.end())],
        };
        Progress { next }
    }

    /// Where the first hit ends that lies behind `from`, the end of the line that was looked at last.
    pub(crate) fn next(&self, progress: &mut Progress, block: &[u8], from: usize) -> Option<usize> {
        for (n, next) in progress.next.iter_mut().enumerate() {
            if next.is_none_or(|end| end > from) {
                continue;
            }
            *next = match self {
                Self::Groups(groups) => find(&groups[n], block, from),
                Self::Table(table) => table.find(Input::new(block).range(from..)).map(|m| m.end()),
            };
        }
        progress.next.iter().flatten().min().copied()
    }
}

fn group(pieces: &[&[u8]]) -> Option<Searcher> {
    let mut builder = packed::Config::new().builder();
    builder.extend(pieces);
    builder.build()
}

fn find(group: &Searcher, block: &[u8], from: usize) -> Option<usize> {
    group.find_in(block, Span { start: from, end: block.len() }).map(|m| m.end())
}

/// The rest of a literal from where its bytes are seldom in logs: it is found by how it begins.
fn piece(literal: &[u8]) -> &[u8] {
    let common = |byte: &u8| match byte {
        b' ' | b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b'r' | b's' | b'd' => 4_u32,
        b'a'..=b'z' | b'0'..=b'9' => 3,
        b'.' | b':' | b'-' | b'/' | b'=' | b'[' | b']' => 2,
        _ => 0,
    };
    let last = literal.len().saturating_sub(PIECE_BYTES_MIN);
    let weight = |start: &usize| literal[*start..].iter().take(FINGERPRINT).map(common).sum::<u32>();
    &literal[(0..=last).min_by_key(weight).unwrap_or(0)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_table_find_the_same_lines() {
        let literals: Vec<String> = (0..120).map(|n| format!("literal <{n}> of {}", n * 7)).collect();
        let literals: Vec<&str> = literals.iter().map(String::as_str).collect();
        let mut pieces: Vec<&[u8]> = literals.iter().map(|l| piece(l.as_bytes())).collect();
        pieces.sort_unstable();
        let finders = [Finder::new(&literals).unwrap(), Finder::table(&pieces).unwrap()];
        let lines: Vec<String> =
            (0..1_000).map(|n| format!("x literal <{n}> of {} y literal <3> of 2", n * 7)).collect();
        let block = lines.join("\n").into_bytes();
        let found = finders.each_ref().map(|finder| {
            let (mut progress, mut from, mut found) = (finder.begin(&block), 0, Vec::new());
            while let Some(end) = finder.next(&mut progress, &block, from) {
                found.push(memchr::memchr_iter(b'\n', &block[..end]).count());
                from = memchr::memchr(b'\n', &block[end..]).map_or(block.len(), |n| end + n + 1);
            }
            found
        });
        assert_eq!(found[0], found[1]);
        assert!(found[0].len() >= 120, "{}", found[0].len());
    }

    #[test]
    fn a_piece_is_what_is_seldom() {
        assert_eq!(piece(b"error: ABC#DEFGH"), b"ABC#DEFGH");
        assert_eq!(piece(b"abc"), b"abc");
        assert!(literal_is_found(" failed (111: Connection refused)"));
    }

    fn literal_is_found(literal: &str) -> bool {
        let finder = Finder::new(&[literal]).unwrap();
        let line = format!("x{literal}");
        let mut progress = finder.begin(line.as_bytes());
        finder.next(&mut progress, line.as_bytes(), 0) == Some(line.len())
    }
}
