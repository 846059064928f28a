//! The smallest parts of a frame.

use super::{Reader, TEXT_MAX};

impl<'a> Reader<'a> {
    /// Takes what stands before a value, and remembers which value it is.
    pub(super) fn at(&mut self, place: &'static str, before: &[u8]) -> Option<()> {
        self.place = place;
        self.take(before)
    }

    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(bytes)?;
        Some(())
    }

    pub(super) fn split(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(head)
    }

    pub(super) fn chunk<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (head, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(head)
    }

    /// A whole number without a sign and without leading zeros, at most `max`.
    pub(super) fn number(&mut self, max: u64) -> Option<u64> {
        let length = self.rest.iter().position(|byte| !byte.is_ascii_digit())?;
        let digits = self.split(length)?;
        if digits.is_empty() || (digits.len() > 1 && digits[0] == b'0') {
            return None;
        }
        let add = |value: u64, digit: &u8| value.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
        digits.iter().try_fold(0, add).filter(|value| *value <= max)
    }

    /// Printable ASCII up to the closing quote, which is taken too. Two of those characters are written with a backslash.
    pub(super) fn text(&mut self) -> Option<&'a [u8]> {
        let (mut length, mut characters) = (0, 0);
        loop {
            match self.rest.get(length..)? {
                [b'"', ..] => break,
                [b'\\', b'"' | b'\\', ..] => length += 2,
                [0x21..=0x7e, ..] if self.rest[length] != b'\\' => length += 1,
                _ => return None,
            }
            characters += 1;
        }
        let text = self.split(length)?;
        self.take(b"\"")?;
        (1..=TEXT_MAX).contains(&characters).then_some(text)
    }
}

/// The bytes that 64 lower-case hexadecimal digits stand for. Without branches, so that the compiler takes many digits at once.
pub(crate) fn hex_bytes(digits: &[u8; 64]) -> Option<[u8; 32]> {
    let mut nibbles = [0; 64];
    let mut wrong = 0;
    for (nibble, digit) in nibbles.iter_mut().zip(digits) {
        let (decimal, letter) = (digit.wrapping_sub(b'0'), digit.wrapping_sub(b'a'));
        let is_letter = u8::from(letter < 6);
        *nibble = if letter < 6 { letter + 10 } else { decimal };
        wrong |= u8::from(decimal > 9) & (1 - is_letter);
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(nibbles.as_chunks::<2>().0) {
        *byte = pair[0] << 4 | pair[1];
    }
    (wrong == 0).then_some(bytes)
}
