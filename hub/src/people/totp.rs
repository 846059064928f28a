//! The second factor: RFC 6238, six digits, thirty seconds, HMAC-SHA-1, which is what apps for it can do.

use contract::time::UtcTime;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// How many bytes a secret has: as many as the hash (RFC 4226, section 4).
pub(crate) const SECRET_BYTES: usize = 20;
const STEP_S: u64 = 30;

/// Which step a code is of, where it is of this one or a neighbour, and of a later one than was used before: a code works once.
pub(super) fn step_of(secret: &[u8], code: &str, now: UtcTime, used: u64) -> Option<u64> {
    let step = now.unix_seconds() / STEP_S;
    (step.saturating_sub(1)..=step + 1)
        .find(|step| *step > used && at(secret, *step).as_deref() == Some(code))
}

fn at(secret: &[u8], step: u64) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).ok()?;
    mac.update(&step.to_be_bytes());
    let sum = mac.finalize().into_bytes();
    let offset = usize::from(sum.last()? & 0xf);
    let four: [u8; 4] = sum.get(offset..offset + 4)?.try_into().ok()?;
    Some(format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000))
}

/// A secret in base 32 (RFC 4648), as people type it into an app.
pub(crate) fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut out, mut held, mut bits) = (String::new(), 0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(ALPHABET[(held >> bits & 31) as usize]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        out.push(char::from(ALPHABET[(held << (5 - bits) & 31) as usize]));
    }
    out
}

#[cfg(test)]
pub(crate) fn code_for_tests(secret: &[u8], now: UtcTime) -> String {
    at(secret, now.unix_seconds() / STEP_S).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn second(s: i64) -> UtcTime {
        UtcTime::from_unix_ms(s * 1000).unwrap()
    }

    /// RFC 6238, appendix B, the last six digits of its eight.
    #[test]
    fn the_codes_are_those_of_the_specification() {
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_for_tests(SECRET, second(time)), code);
        }
        assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
        assert_eq!(base32(b"foob"), "MZXW6YQ");
    }

    #[test]
    fn a_code_counts_for_a_step_on_either_side_and_once() {
        let code = code_for_tests(SECRET, second(1_111_111_109));
        let step = 1_111_111_109 / 30;
        for beside in [-30, 0, 30] {
            assert_eq!(step_of(SECRET, &code, second(1_111_111_109 + beside), 0), Some(step));
        }
        for far in [-60, 61] {
            assert_eq!(step_of(SECRET, &code, second(1_111_111_109 + far), 0), None);
        }
        assert_eq!(step_of(SECRET, &code, second(1_111_111_109), step), None, "it worked twice");
        assert_eq!(step_of(SECRET, "", second(1_111_111_109), 0), None);
    }
}
