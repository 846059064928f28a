//! A group commit as it lies in the tail file: its entries, and the signed head over them, in one frame that one sync makes durable.
//!
//! The head is there only if the entries are: it is masked with a key that is the hash of exactly those entries. So a frame of which the
//! disk kept a part has no signature in it, for anyone, and can be cut; no second root is ever signed for a size whose first one can be read.
//!
//! ```text
//! F5 53 75 F6     a mark that cannot stand in UTF-8, so in no entry
//! count   u16     entries, 1 to 256
//! note    u16     bytes of the head's note
//! length  u32     bytes of the entries, each behind its own length (an entry bundle)
//! entries
//! note            the head, masked: XOR SHA-256(key ‖ 0), SHA-256(key ‖ 1) … with key = SHA-256("suture commit" ‖ all the above)
//! ```
//!
//! Numbers are big-endian. This is the writer's own format: nobody else reads it, and it lasts until the bundle is full.

use sha2::{Digest as _, Sha256};

/// Begins a frame.
pub(crate) const MARK: [u8; 4] = [0xF5, b'S', b'u', 0xF6];

/// Bytes before the entries.
const HEADER: usize = MARK.len() + 2 + 2 + 4;

/// A frame that was read. Whether its note is a head that we signed is for the reader to check.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    /// How many entries.
    pub(crate) count: u16,
    /// The entries, as a bundle.
    pub(crate) entries: &'a [u8],
    /// What the mask covers: all that stands before the note.
    covered: &'a [u8],
    masked: &'a [u8],
    /// Bytes of the whole frame.
    pub(crate) length: usize,
}

impl Frame<'_> {
    /// The note, unmasked with what the entries are now.
    pub(crate) fn note(&self) -> Vec<u8> {
        mask(self.covered, self.masked)
    }
}

/// The bytes of a frame, and where in them the entries are.
pub(crate) fn encode(count: u16, entries: &[u8], note: &str) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEADER + entries.len() + note.len());
    frame.extend_from_slice(&MARK);
    frame.extend_from_slice(&count.to_be_bytes());
    // A head's note has at most 4 KiB and 256 entries at most 4 MiB: see `commit`.
    frame.extend_from_slice(&u16::try_from(note.len()).unwrap_or(u16::MAX).to_be_bytes());
    frame.extend_from_slice(&u32::try_from(entries.len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.extend_from_slice(entries);
    let masked = mask(&frame, note.as_bytes());
    frame.extend_from_slice(&masked);
    frame
}

/// Reads the frame that `bytes` begin with; none where they do not hold a whole one.
pub(crate) fn decode(bytes: &[u8]) -> Option<Frame<'_>> {
    let rest = bytes.strip_prefix(&MARK)?;
    let (count, rest) = rest.split_first_chunk()?;
    let (note, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (entries, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let note = rest.get(..u16::from_be_bytes(*note).into())?;
    let covered = bytes.get(..HEADER + entries.len())?;
    let length = covered.len() + note.len();
    Some(Frame { count: u16::from_be_bytes(*count), entries, covered, masked: note, length })
}

/// Masks a note, or unmasks it.
fn mask(covered: &[u8], note: &[u8]) -> Vec<u8> {
    let key = Sha256::new().chain_update(b"suture commit").chain_update(covered).finalize();
    let stream = (0u32..).flat_map(|block| {
        Sha256::new().chain_update(key).chain_update(block.to_be_bytes()).finalize().to_vec()
    });
    note.iter().zip(stream).map(|(byte, mask)| byte ^ mask).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_gives_its_note_only_with_all_of_its_entries() {
        let frame = encode(2, b"\0\x02{}\0\x02{}", "a head\n");
        let read = decode(&frame).unwrap();
        assert_eq!((read.count, read.entries, read.length), (2, &b"\0\x02{}\0\x02{}"[..], frame.len()));
        assert_eq!(read.note(), b"a head\n");
        for at in 0..frame.len() {
            let mut bent = frame.clone();
            bent[at] ^= 0x10;
            assert!(decode(&bent).is_none_or(|f| f.note() != b"a head\n"), "byte {at}");
            assert!(decode(&frame[..at]).is_none(), "{at} bytes are a frame");
        }
        assert!(
            !String::from_utf8_lossy(&frame).contains("head"),
            "the note can be read without the entries"
        );
    }
}
