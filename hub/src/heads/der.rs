//! DER, as far as an RFC 3161 exchange needs it: definite lengths in their shortest form, tags of one byte.

use super::stamp::StampError;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const UTF8: u8 = 0x0c;
pub(super) const TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0]`, constructed.
pub(super) const CONTEXT_0: u8 = 0xa0;

/// What is left of some DER.
#[derive(Debug, Clone, Copy)]
pub(super) struct Der<'a>(pub(super) &'a [u8]);

impl<'a> Der<'a> {
    /// The next value, where it has this tag; an error that names `what` where it has not.
    pub(super) fn expect(&mut self, tag: u8, what: &'static str) -> Result<Der<'a>, StampError> {
        self.next_if(tag).ok_or(StampError::Malformed(what))
    }

    /// The next value, where there is one with this tag.
    pub(super) fn next_if(&mut self, tag: u8) -> Option<Der<'a>> {
        let (found, rest) = self.0.split_first()?;
        if *found != tag {
            return None;
        }
        let (length, rest) = length(rest)?;
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Der(value))
    }

    /// Nothing may be left.
    pub(super) fn end(self, what: &'static str) -> Result<(), StampError> {
        if self.0.is_empty() { Ok(()) } else { Err(StampError::Malformed(what)) }
    }
}

fn length(der: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = der.split_first()?;
    if *first < 0x80 {
        return Some((usize::from(*first), rest));
    }
    let (bytes, rest) =
        rest.split_at_checked(usize::from(*first & 0x7f)).filter(|(b, _)| (1..=4).contains(&b.len()))?;
    let length = bytes.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
    // One spelling for each length.
    let shortest = length >= 0x80 && bytes.first().is_some_and(|byte| *byte != 0);
    shortest.then_some((length, rest))
}

/// One value: its tag, its length of less than 128 bytes, and its parts.
pub(super) fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u8::try_from(content.len()).unwrap_or(u8::MAX);
    debug_assert!(length < 0x80, "a request is short");
    [&[tag, length], content.as_slice()].concat()
}
