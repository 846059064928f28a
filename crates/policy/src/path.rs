//! Paths with one spelling. The engine takes no other, so that nothing is reached by writing it differently.
//!
//! A step's path is walked as the kernel walks it: a component at a time, `..` after the link before it was followed. Only reading a link needs
//! the file system; that is handed in ([`Links`]). What cannot be walked has no spelling, and what has none is denied.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest path: what Linux takes.
const BYTES_MAX: usize = 4096;
/// The longest name in it.
const NAME_BYTES_MAX: usize = 255;
/// How many links are followed: as many as Linux follows.
const LINKS_MAX: usize = 40;

/// An absolute path in its one spelling: no `.`, `..`, doubled or trailing slash, no NUL.
///
/// It is made by [`CanonicalPath::resolve`], which follows links, or from text that has the spelling already: in a policy or in a record.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CanonicalPath(Box<str>);

/// Why a text has no canonical path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathFault {
    /// It is relative, and nothing says to what.
    #[error("it is relative")]
    Relative,
    /// It is empty.
    #[error("it is empty")]
    Empty,
    /// It, or a name in it, is longer than Linux takes.
    #[error("it is too long")]
    TooLong,
    /// It holds a NUL.
    #[error("it holds a NUL")]
    Nul,
    /// It climbs above the root.
    #[error("it climbs above the root")]
    AboveRoot,
    /// It is not spelt in the one way: `.`, `..`, `//` or a slash at its end.
    #[error("it is not spelt in the one way: without ., .., // and a slash at its end")]
    NotCanonical,
    /// Links lead round, or there are more than Linux follows.
    #[error("it leads through more than 40 links")]
    TooManyLinks,
    /// Something on the way could not be looked at.
    #[error("something on the way cannot be looked at")]
    Unreadable,
}

/// What stands at a path, as far as walking on is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A symbolic link with this text in it.
    Link(String),
    /// Anything else, or nothing.
    NoLink,
}

/// Reads links: the one thing that walking a path needs from the file system.
pub trait Links {
    /// What stands at `path`, whose parents are links no more. What cannot be looked at, or holds no UTF-8, is [`PathFault::Unreadable`].
    fn entry(&self, path: &str) -> Result<Entry, PathFault>;
}

/// A file system without links: for questions about a machine that is not this one.
#[derive(Debug, Clone, Copy)]
pub struct NoLinks;

impl Links for NoLinks {
    fn entry(&self, _: &str) -> Result<Entry, PathFault> {
        Ok(Entry::NoLink)
    }
}

/// Whether the last name is followed where it is a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// The access is to what the link leads to.
    Followed,
    /// The access is to the name itself.
    Itself,
}

impl CanonicalPath {
    /// Walks `text`, from `base` where it is relative.
    pub fn resolve(
        text: &str,
        base: Option<&Self>,
        last: Last,
        links: &dyn Links,
    ) -> Result<Self, PathFault> {
        let mut walked = match (text.starts_with('/'), base) {
            (true, _) => String::new(),
            (false, _) if text.is_empty() => return Err(PathFault::Empty),
            (false, None) => return Err(PathFault::Relative),
            (false, Some(base)) => base.as_str().trim_end_matches('/').to_owned(),
        };
        // What is still to be walked, the next name at the end.
        let mut ahead: Vec<String> = text.split('/').rev().map(str::to_owned).collect();
        let mut followed = 0;
        while let Some(name) = ahead.pop() {
            match name.as_str() {
                "" | "." => continue,
                ".." => match walked.rfind('/') {
                    Some(parent) => walked.truncate(parent),
                    None => return Err(PathFault::AboveRoot),
                },
                name if name.contains('\0') => return Err(PathFault::Nul),
                name if name.len() > NAME_BYTES_MAX => return Err(PathFault::TooLong),
                name => {
                    walked.push('/');
                    walked.push_str(name);
                }
            }
            if walked.len() > BYTES_MAX {
                return Err(PathFault::TooLong);
            }
            // A slash at the end, or a dot, asks for what the link leads to.
            if walked.is_empty() || name == ".." || (ahead.is_empty() && last == Last::Itself) {
                continue;
            }
            if let Entry::Link(target) = links.entry(&walked)? {
                followed += 1;
                if followed > LINKS_MAX {
                    return Err(PathFault::TooManyLinks);
                }
                match target.starts_with('/') {
                    _ if target.is_empty() => return Err(PathFault::Empty),
                    true => walked.clear(),
                    false => walked.truncate(walked.rfind('/').unwrap_or(0)),
                }
                ahead.extend(target.split('/').rev().map(str::to_owned));
            }
        }
        Ok(Self(if walked.is_empty() { "/".into() } else { walked.into() }))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The paths that it lies below, the nearest first, the root last. The root lies below nothing.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        let text: &str = if &*self.0 == "/" { "" } else { &self.0 };
        text.char_indices()
            .rev()
            .filter(|(_, c)| *c == '/')
            .map(move |(at, _)| if at == 0 { "/" } else { &text[..at] })
    }

    /// True where it lies below `root`. Names are compared whole: `/ab` does not lie below `/a`.
    pub fn is_below(&self, root: &Self) -> bool {
        let rest = match root.as_str() {
            "/" => self.0.strip_prefix('/').filter(|rest| !rest.is_empty()).map(|_| "/"),
            root => self.0.strip_prefix(root),
        };
        rest.is_some_and(|rest| rest.starts_with('/'))
    }

    /// True where one of the two is the other, or lies below it, on a file system that may fold case.
    ///
    /// Linux tells `/A` from `/a`; vfat and ext4's `casefold` do not, and nothing in the name says which one a directory is on. So letters of ASCII
    /// count in either case, and a name beyond ASCII counts as any name: what it folds to is the file system's own affair. Too much is taken for
    /// the same, never too little.
    pub fn may_touch(&self, other: &Self) -> bool {
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b) || !a.is_ascii() || !b.is_ascii();
        // The root has no names, and is a part of everything.
        let (mine, others) = (&self.0[1..], &other.0[1..]);
        mine.is_empty()
            || others.is_empty()
            || mine.split('/').zip(others.split('/')).all(|(a, b)| same(a, b))
    }
}

impl TryFrom<&str> for CanonicalPath {
    type Error = PathFault;
    /// Takes what is spelt in the one way already, and follows no link.
    fn try_from(text: &str) -> Result<Self, PathFault> {
        let walked = Self::resolve(text, None, Last::Followed, &NoLinks)?;
        if *walked.0 == *text { Ok(walked) } else { Err(PathFault::NotCanonical) }
    }
}

impl TryFrom<String> for CanonicalPath {
    type Error = PathFault;
    fn try_from(text: String) -> Result<Self, PathFault> {
        Self::try_from(text.as_str())
    }
}

impl From<CanonicalPath> for String {
    fn from(path: CanonicalPath) -> String {
        path.0.into()
    }
}

impl fmt::Display for CanonicalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CanonicalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
