//! Passwords, as argon2id.

use argon2::{Algorithm, Argon2, Params, Version};
use contract::digest::{Digest, hex, unhex};

/// Memory in KiB, passes, lanes: the first of the two settings that OWASP names. They stand in what is kept, so that they can be raised.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// The shortest password.
pub(crate) const LENGTH_MIN: usize = 12;
/// The longest: hashing is work, and anybody may ask for it.
pub(crate) const LENGTH_MAX: usize = 256;

/// Whether it can be a password at all.
pub(super) fn fits(password: &str) -> bool {
    (LENGTH_MIN..=LENGTH_MAX).contains(&password.len())
}

/// As it is kept. It takes tens of milliseconds, and is to be called where blocking is allowed.
pub(super) fn hash(password: &str, salt: [u8; 16]) -> Option<String> {
    let (memory, passes, lanes) = COST;
    let out = derive(password, &salt, COST)?;
    Some(format!("argon2id${memory}${passes}${lanes}${}${}", hex(&salt), hex(&out)))
}

/// Whether it is the one that is kept; where nothing is, it takes as long and is none.
pub(super) fn is(password: &str, kept: Option<&str>) -> bool {
    if !fits(password) {
        return false;
    }
    let Some((cost, salt, expected)) = kept.and_then(parse) else {
        let _ = derive(password, &[0; 16], COST);
        return false;
    };
    // Digests are compared, so how long it takes says nothing.
    derive(password, &salt, cost).is_some_and(|out| Digest::of(&out) == Digest::of(&expected))
}

/// Cost, salt and hash, as they stand in what is kept.
type Kept = ((u32, u32, u32), [u8; 16], [u8; 32]);

fn parse(kept: &str) -> Option<Kept> {
    let parts: Vec<&str> = kept.split('$').collect();
    let ["argon2id", memory, passes, lanes, salt, out] = parts[..] else { return None };
    let cost = (memory.parse().ok()?, passes.parse().ok()?, lanes.parse().ok()?);
    Some((cost, unhex(salt)?, unhex(out)?))
}

fn derive(password: &str, salt: &[u8; 16], (memory, passes, lanes): (u32, u32, u32)) -> Option<[u8; 32]> {
    let params = Params::new(memory, passes, lanes, Some(32)).ok()?;
    let mut out = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut out)
        .ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash_and_no_other_is() {
        let kept = hash("correct horse battery", [1; 16]).unwrap();
        assert!(kept.starts_with("argon2id$19456$2$1$") && !kept.contains("horse"));
        assert!(is("correct horse battery", Some(&kept)));
        assert!(!is("correct horse batterz", Some(&kept)));
        assert!(!is("correct horse battery", None));
        assert_ne!(kept, hash("correct horse battery", [2; 16]).unwrap());
        for malformed in ["", "argon2id$19456$2$1$00$00", "plain$correct horse battery"] {
            assert!(!is("correct horse battery", Some(malformed)), "{malformed}");
        }
    }

    #[test]
    fn an_empty_a_short_and_an_endless_one_is_none() {
        for bad in ["", "short", &"x".repeat(LENGTH_MAX + 1)] {
            assert!(!fits(bad));
            let kept = hash(bad, [1; 16]);
            assert!(!is(bad, kept.as_deref()), "{bad}");
        }
    }
}
