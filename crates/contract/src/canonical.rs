//! Checks that bytes are one JSON value in the canonical form of RFC 8785, without decoding it.
//!
//! Evidence is hashed and signed as bytes, so one record must have one spelling: otherwise two readers could
//! agree on a hash and disagree on its meaning. Under our restriction numbers are integers of magnitude at most
//! 2^53, which every JSON reader holds exactly, and values nest at most [`DEPTH_MAX`] deep.
//!
//! The checker reads the bytes once and allocates nothing. It returns the first fault, with its byte offset.

use std::cmp::Ordering;

#[cfg(test)]
mod tests;

/// How deep arrays and objects may nest; a single array or object has depth 1.
pub const DEPTH_MAX: usize = 32;
/// The largest magnitude of a number, 2^53: beyond it not every integer has a double of its own.
pub const MAGNITUDE_MAX: u64 = 1 << 53;

/// Where and why bytes are not in canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not canonical JSON at byte {at}: {why}")]
pub struct NotCanonical {
    /// Offset of the fault, in bytes from the start.
    pub at: usize,
    /// What is wrong there.
    pub why: Why,
}

/// The ways in which bytes fail to be canonical (RFC 8785 §3.2, and our restriction of it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The bytes are not UTF-8 (§3.2.4).
    #[error("not UTF-8")]
    Utf8,
    /// The value is not complete.
    #[error("the value ends too early")]
    End,
    /// This byte cannot stand here in any JSON.
    #[error("unexpected byte {0:#04x}")]
    Byte(u8),
    /// Whitespace between tokens (§3.2.1).
    #[error("whitespace between tokens")]
    Whitespace,
    /// Bytes follow the value.
    #[error("bytes follow the value")]
    Trailing,
    /// Arrays and objects nest deeper than [`DEPTH_MAX`].
    #[error("nested deeper than {DEPTH_MAX}")]
    Depth,
    /// The object has this key already.
    #[error("duplicate key")]
    DuplicateKey,
    /// The key sorts before the one ahead of it, by UTF-16 code units (§3.2.3).
    #[error("key out of order")]
    KeyOrder,
    /// A control character stands in a string unescaped.
    #[error("unescaped control character")]
    ControlCharacter,
    /// JSON has no such escape.
    #[error("unknown escape")]
    Escape,
    /// An escape that has a shorter spelling, or none needed, or upper-case digits (§3.2.2.2).
    #[error("escape is not the canonical one")]
    NeedlessEscape,
    /// An escaped surrogate: alone it is no character, in a pair it needs no escape (§3.2.2.2).
    #[error("escaped surrogate")]
    Surrogate,
    /// A number has leading zeros.
    #[error("leading zero")]
    LeadingZero,
    /// The number is `-0`.
    #[error("negative zero")]
    NegativeZero,
    /// A number has a fraction or an exponent (our restriction).
    #[error("number is not an integer")]
    NotInteger,
    /// The number's magnitude is above [`MAGNITUDE_MAX`] (our restriction).
    #[error("integer beyond 2^53")]
    Magnitude,
}

/// Checks that `bytes` are exactly one JSON value in canonical form.
pub fn check(bytes: &[u8]) -> Result<(), NotCanonical> {
    // One pass for UTF-8 lets the rest look at ASCII only: no other byte has a meaning in JSON.
    if let Err(error) = str::from_utf8(bytes) {
        return Err(NotCanonical { at: error.valid_up_to(), why: Why::Utf8 });
    }
    let mut checker = Checker { bytes, at: 0 };
    checker.value(0)?;
    match checker.peek() {
        None => Ok(()),
        Some(byte) if is_whitespace(byte) => Err(checker.fault(Why::Whitespace)),
        Some(_) => Err(checker.fault(Why::Trailing)),
    }
}

/// Checks the one value that `bytes` begin with, inside `depth` arrays and objects, and returns its length in bytes.
///
/// For a reader that knows what stands around the value. It has seen to it that the bytes are UTF-8: that is not looked at here.
pub fn check_first(bytes: &[u8], depth: usize) -> Result<usize, NotCanonical> {
    let mut checker = Checker { bytes, at: 0 };
    checker.value(depth)?;
    Ok(checker.at)
}

/// A position in the bytes; every method leaves it behind what it checked, or on the fault.
struct Checker<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Checker<'a> {
    fn fault(&self, why: Why) -> NotCanonical {
        NotCanonical { at: self.at, why }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The fault of a byte that does not fit where it stands.
    fn unexpected(&self) -> NotCanonical {
        self.fault(match self.peek() {
            None => Why::End,
            Some(byte) if is_whitespace(byte) => Why::Whitespace,
            Some(byte) => Why::Byte(byte),
        })
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), NotCanonical> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// One value, with `depth` arrays and objects around it.
    fn value(&mut self, depth: usize) -> Result<(), NotCanonical> {
        match self.peek() {
            Some(b'{' | b'[') if depth == DEPTH_MAX => Err(self.fault(Why::Depth)),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            _ => Err(self.unexpected()),
        }
    }

    fn literal(&mut self, name: &[u8]) -> Result<(), NotCanonical> {
        name.iter().try_for_each(|byte| self.expect(*byte))
    }

    fn array(&mut self, depth: usize) -> Result<(), NotCanonical> {
        self.expect(b'[')?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.value(depth)?;
            if self.take(b']') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), NotCanonical> {
        self.expect(b'{')?;
        if self.take(b'}') {
            return Ok(());
        }
        let mut previous: Option<&[u8]> = None;
        loop {
            let start = self.at;
            let key = self.string()?;
            match previous.map_or(Ordering::Less, |previous| utf16_order(previous, key)) {
                Ordering::Less => previous = Some(key),
                Ordering::Equal => return Err(NotCanonical { at: start, why: Why::DuplicateKey }),
                Ordering::Greater => return Err(NotCanonical { at: start, why: Why::KeyOrder }),
            }
            self.expect(b':')?;
            self.value(depth)?;
            if self.take(b'}') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// One string; returns what stands between its quotes, escapes as they are.
    fn string(&mut self) -> Result<&'a [u8], NotCanonical> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            self.at = plain_until(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => {
                    let inside = &self.bytes[start..self.at];
                    self.at += 1;
                    return Ok(inside);
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.fault(Why::ControlCharacter)),
                None => return Err(self.fault(Why::End)),
            }
        }
    }

    /// One escape sequence; a fault is placed on its backslash.
    fn escape(&mut self) -> Result<(), NotCanonical> {
        let rest = &self.bytes[self.at + 1..];
        match rest {
            [b'b' | b't' | b'n' | b'f' | b'r' | b'"' | b'\\', ..] => {
                self.at += 2;
                Ok(())
            }
            [b'u', hex @ ..] => match unicode_escape(hex) {
                Ok(()) => {
                    self.at += 6;
                    Ok(())
                }
                Err(why) => Err(self.fault(why)),
            },
            [b'/', ..] => Err(self.fault(Why::NeedlessEscape)),
            [_, ..] => Err(self.fault(Why::Escape)),
            [] => Err(NotCanonical { at: self.bytes.len(), why: Why::End }),
        }
    }

    /// One integer; a fault of its value is placed on its first byte.
    fn number(&mut self) -> Result<(), NotCanonical> {
        let start = self.at;
        let negative = self.take(b'-');
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        let digits = &rest[..length];
        self.at += length;
        let why = match digits {
            [] => return Err(self.unexpected()),
            [b'0', _, ..] => Why::LeadingZero,
            _ if matches!(self.peek(), Some(b'.' | b'e' | b'E')) => return Err(self.fault(Why::NotInteger)),
            [b'0'] if negative => Why::NegativeZero,
            _ if magnitude(digits).is_none_or(|magnitude| magnitude > MAGNITUDE_MAX) => Why::Magnitude,
            _ => return Ok(()),
        };
        Err(NotCanonical { at: start, why })
    }
}

/// Where the plain characters from `at` on end: at a quote, a backslash or a control character, or at the end.
///
/// Evidence is mostly strings, and verifying a million records is bound by this. So it looks at eight bytes at a time: in `stops` the
/// highest bit of a byte is set where that byte ends the run, and never below the first that does (bits above it may be wrong).
fn plain_until(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    while let Some(word) = bytes.get(at..at + 8).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*word);
        let (quote, backslash) = (word ^ (ONES * u64::from(b'"')), word ^ (ONES * u64::from(b'\\')));
        let below = (quote.wrapping_sub(ONES) & !quote) | (backslash.wrapping_sub(ONES) & !backslash);
        let stops = (below | (word.wrapping_sub(ONES * 0x20) & !word)) & HIGH;
        if stops != 0 {
            return at + stops.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !STOPS[usize::from(*byte)]) {
        at += 1;
    }
    at
}

/// The bytes that end a run of plain characters in a string: the quote, the backslash and control characters.
const STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let mut control = 0;
    while control < 0x20 {
        stops[control] = true;
        control += 1;
    }
    stops[b'"' as usize] = true;
    stops[b'\\' as usize] = true;
    stops
};

const fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn magnitude(digits: &[u8]) -> Option<u64> {
    let add = |value: u64, digit: &u8| value.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    digits.iter().try_fold(0, add)
}

/// Checks what follows `\u`: only control characters without a short escape are written so, in lower case.
fn unicode_escape(hex: &[u8]) -> Result<(), Why> {
    match hex {
        [b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f', ..]
        | [b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f', ..] => Ok(()),
        [a, b, c, d, ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) => match (a, b) {
            (b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => Err(Why::Surrogate),
            _ => Err(Why::NeedlessEscape),
        },
        _ => Err(Why::Escape),
    }
}

/// Orders two keys, given as checked and still escaped, by the UTF-16 code units they stand for.
fn utf16_order(left: &[u8], right: &[u8]) -> Ordering {
    let mut escaped = false;
    for (l, r) in left.iter().zip(right) {
        if l != r {
            // Outside an escape an ASCII byte is a code unit of its own.
            let plain = |byte: u8| byte.is_ascii() && byte != b'\\';
            let simple = !escaped && plain(*l) && plain(*r);
            return if simple { l.cmp(r) } else { code_units(left).cmp(code_units(right)) };
        }
        escaped |= *l == b'\\';
    }
    left.len().cmp(&right.len())
}

/// The UTF-16 code units of a checked, still escaped string.
fn code_units(escaped: &[u8]) -> impl Iterator<Item = u16> {
    let mut characters = str::from_utf8(escaped).unwrap_or_default().chars();
    let characters = std::iter::from_fn(move || match characters.next()? {
        '\\' => match characters.next()? {
            'b' => Some('\u{8}'),
            't' => Some('\t'),
            'n' => Some('\n'),
            'f' => Some('\u{c}'),
            'r' => Some('\r'),
            'u' => {
                let code =
                    characters.by_ref().take(4).fold(0, |code, c| code << 4 | c.to_digit(16).unwrap_or(0));
                char::from_u32(code)
            }
            itself => Some(itself),
        },
        plain => Some(plain),
    });
    characters.flat_map(|character| {
        let mut units = [0; 2];
        let length = character.encode_utf16(&mut units).len();
        units.into_iter().take(length)
    })
}
