//! A log in a forger's hands: entries changed, chained anew, hashed anew, signed with whatever key the forger has.
//!
//! Written from docs/evidence-format.md §1, §2, §4, §7 and §8, over plain vectors of bytes.

use tlog::cosignature::{self, CosignatureTime};
use tlog::{Checkpoint, Hash, SignedNote, SigningKey, VerifiedCheckpoint, leaf_hash, node_hash};

use crate::container::Container;

/// Entries in a bundle, and hashes in a tile.
const WIDTH: usize = 256;

/// All entries of a log, and where the kit's range of them begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forged {
    /// The log's origin.
    pub origin: String,
    /// The entries' bytes, from index 0 on.
    pub entries: Vec<Vec<u8>>,
}

impl Forged {
    /// The log of `host` as it lies in a kit that holds all of it.
    ///
    /// # Panics
    /// Where the kit does not hold it from index 0 to its head.
    pub fn read(kit: &Container, host: &str) -> Self {
        let head = String::from_utf8(kit.get(&format!("logs/{host}/checkpoint")).to_vec()).expect("UTF-8");
        let mut lines = head.lines();
        let origin = lines.next().expect("an origin").to_owned();
        let size: usize = lines.next().and_then(|size| size.parse().ok()).expect("a size");
        let mut entries = Vec::new();
        for (name, _) in bundles(size) {
            entries.extend(unframed(kit.get(&format!("logs/{host}/{name}"))));
        }
        assert_eq!(entries.len(), size, "the kit holds the whole log");
        Self { origin, entries }
    }

    /// The number of entries.
    pub fn size(&self) -> usize {
        self.entries.len()
    }

    /// Chains every record from `index` on to the one before it, as a forger must.
    ///
    /// # Panics
    /// Where an entry is not a record.
    pub fn chain_from(&mut self, index: usize) {
        for at in index.max(1)..self.entries.len() {
            let previous = leaf_hash(&self.entries[at - 1]).to_string();
            let text = String::from_utf8(self.entries[at].clone()).expect("records are UTF-8");
            // Key order puts "prev" and "seq" side by side, after every member that could quote them but the kinds of rotation.
            let start = text.rfind("\"prev\":\"").expect("a previous hash") + 8;
            let end = start + 64;
            let rest = &text[end..];
            let seq_end = rest.find(",\"subject\"").expect("a subject");
            self.entries[at] =
                format!("{}{previous}\",\"seq\":{at}{}", &text[..start], &rest[seq_end..]).into_bytes();
        }
    }

    /// The root over the first `size` entries.
    pub fn root(&self, size: usize) -> Hash {
        root(&self.entries[..size].iter().map(|entry| leaf_hash(entry)).collect::<Vec<_>>())
    }

    /// The three lines of the head over the first `size` entries.
    pub fn head_text(&self, size: usize) -> String {
        format!("{}\n{size}\n{}\n", self.origin, self.root(size).to_base64())
    }

    /// That head, signed with `key` and cosigned by `witnesses` at second `time`.
    ///
    /// # Panics
    /// Where the key cannot sign it.
    pub fn head(&self, size: usize, key: &SigningKey, witnesses: &[&SigningKey], time: u64) -> SignedNote {
        let checkpoint: Checkpoint = self.head_text(size).parse().expect("a head");
        let signed = checkpoint.sign(key).expect("the log's own key");
        let verified =
            VerifiedCheckpoint::from_note(signed.note().clone(), key.verifier()).expect("just signed");
        let mut note = verified.note().clone();
        for witness in witnesses {
            let time = CosignatureTime::from_unix_seconds(time).expect("a time in range");
            note.add(cosignature::cosign(&verified, witness, time).expect("a witness's key"))
                .expect("room for it");
        }
        note
    }

    /// Puts bundles and tiles of the whole log at `size` entries into the kit, in place of all that the host had there.
    pub fn put_tree(&self, kit: &mut Container, host: &str, size: usize) {
        let folder = format!("logs/{host}/tile/");
        kit.members.retain(|member| !member.name().starts_with(&folder));
        for (name, range) in bundles(size) {
            kit.put(&format!("logs/{host}/{name}"), framed(&self.entries[range]));
        }
        let mut hashes: Vec<Hash> = self.entries[..size].iter().map(|entry| leaf_hash(entry)).collect();
        let mut level = 0;
        while !hashes.is_empty() {
            for (index, tile) in hashes.chunks(WIDTH).enumerate() {
                let bytes = tile.iter().flat_map(|hash| *hash.as_bytes()).collect();
                kit.put(&format!("logs/{host}/{}", tile_name(&level.to_string(), index, tile.len())), bytes);
            }
            hashes = hashes.chunks_exact(WIDTH).map(root).collect();
            level += 1;
        }
    }
}

/// RFC 6962 §2.1, as its recursion says it.
///
/// # Panics
/// Of no leaves.
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&root(left), &root(right))
        }
    }
}

/// The bundles of a log of `size` entries, each with the indexes it holds.
pub fn bundles(size: usize) -> impl Iterator<Item = (String, std::ops::Range<usize>)> {
    (0..size.div_ceil(WIDTH)).map(move |index| {
        let range = index * WIDTH..size.min((index + 1) * WIDTH);
        (tile_name("entries", index, range.len()), range)
    })
}

/// The name of a tile or bundle.
pub fn tile_name(level: &str, index: usize, width: usize) -> String {
    let digits = format!("{index:03}");
    let digits = format!("{}{digits}", "0".repeat((3 - digits.len() % 3) % 3));
    let groups: Vec<&str> =
        digits.as_bytes().chunks(3).map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    let (last, above) = groups.split_last().expect("at least three digits");
    let above: String = above.iter().flat_map(|group| ["x", group, "/"]).collect();
    let partial = if width == WIDTH { String::new() } else { format!(".p/{width}") };
    format!("tile/{level}/{above}{last}{partial}")
}

/// Entries behind their lengths.
pub fn framed(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend_from_slice(&u16::try_from(entry.len()).expect("at most 16 KiB").to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    bytes
}

/// The entries of an honest bundle.
pub fn unframed(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while let [high, low, rest @ ..] = bytes {
        let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        entries.push(entry.to_vec());
        bytes = rest;
    }
    entries
}
