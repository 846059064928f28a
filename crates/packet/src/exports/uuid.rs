//! Identifiers that follow from what they name: the same packet has the same ones always.

use contract::digest::Digest;
use sha1::{Digest as _, Sha1};

/// Ours, drawn once.
const NAMESPACE: [u8; 16] =
    [0x6e, 0x0f, 0x33, 0x5d, 0x21, 0x0b, 0x4c, 0x1a, 0x9d, 0x7e, 0x52, 0x80, 0x4f, 0xc6, 0x1b, 0x93];

/// What identifiers of one packet are made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names(pub(super) Digest);

impl Names {
    /// The identifier of what is called so (UUID version 5, RFC 9562, section 5.5).
    pub(super) fn of(self, what: &str) -> String {
        let hash: [u8; 20] = Sha1::new()
            .chain_update(NAMESPACE)
            .chain_update(self.0.to_string())
            .chain_update(what)
            .finalize()
            .into();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        bytes[6] = bytes[6] & 0x0f | 0x50;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = format!("{:032x}", u128::from_be_bytes(bytes));
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_of_version_5_and_of_its_packet() {
        let (one, other) = (Names(Digest::of(b"1")), Names(Digest::of(b"2")));
        let id = one.of("result");
        assert_eq!((id.len(), id.as_bytes()[14], &id[8..9]), (36, b'5', "-"));
        assert!(b"89ab".contains(&id.as_bytes()[19]));
        assert!(id == one.of("result") && id != other.of("result") && id != one.of("finding"));
    }
}
