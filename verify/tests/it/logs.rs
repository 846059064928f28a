//! Logs from the real writer, held in memory so that ten thousand of them can be spoiled in a second.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use contract::record::{Body, Digests, Recovered};
use contract::time::{ClockOffset, UtcTime};
use evidence::{Draft, LogWriter};
use tlog::checkpoint::Checkpoint;
use tlog::cosignature::{CosignatureTime, cosign};
use tlog::hash::leaf_hash;
use tlog::note::{SignatureType, SignedNote, SigningKey};
use tlog::tile::{TILE_HEIGHT, Tile, TileKind, bundle, entry_bundles, hash_tiles};
use tlog::tree::{CompactRange, TreeSize};
use verify::{ReadError, Report, Source, Trust, Witnesses};

pub(crate) const ORIGIN: &str = "hub.example/h-1";

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Log(pub(crate) BTreeMap<String, Vec<u8>>);

impl Source for Log {
    fn read(&self, name: &str, bytes_max: usize) -> Result<Vec<u8>, ReadError> {
        let bytes = self.0.get(name).ok_or(ReadError::Missing)?;
        if bytes.len() > bytes_max { Err(ReadError::TooLong { bytes_max }) } else { Ok(bytes.clone()) }
    }

    fn visit_tiles(&self, visit: &mut dyn FnMut(&str)) -> Result<(), ReadError> {
        self.0.keys().filter(|name| name.starts_with("tile/")).for_each(|name| visit(name));
        Ok(())
    }
}

pub(crate) fn key_of(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(name.parse().unwrap(), SignatureType::Ed25519, &[seed; 32]).unwrap()
}

pub(crate) fn key() -> SigningKey {
    key_of(ORIGIN, 3)
}

pub(crate) fn witness(name: &str) -> SigningKey {
    SigningKey::from_seed(name.parse().unwrap(), SignatureType::CosignatureV1, &[9; 32]).unwrap()
}

pub(crate) fn trust() -> Trust {
    Trust { keys: vec![key().verifier().clone()], ..Trust::default() }
}

pub(crate) fn witnessed_by(witnesses: &[&SigningKey]) -> Trust {
    Trust { witnesses: all(witnesses), ..trust() }
}

pub(crate) fn all(keys: &[&SigningKey]) -> Witnesses {
    Witnesses::All(keys.iter().map(|key| key.verifier().clone()).collect())
}

pub(crate) fn verify(log: &Log, trust: &Trust) -> Report {
    verify::verify(log, trust)
}

pub(crate) fn draft(n: u64, torn_bytes: u64) -> Draft {
    Draft {
        time: UtcTime::from_unix_ms(1_795_240_463_120 + i64::try_from(n).unwrap()).unwrap(),
        clock: ClockOffset::Unknown,
        subject: "log".into(),
        digests: Digests::default(),
        body: Body::Recovered(Recovered { torn_bytes, unfinished: vec![] }),
    }
}

/// Writes a published log of `size` records to a directory. Logs with the same `salt` have the same history.
pub(crate) fn write(dir: &Path, key: SigningKey, size: u64, salt: u64) {
    let (mut log, _) = LogWriter::open(dir, key, |_| ()).unwrap();
    if log.size() < size {
        log.append((log.size()..size).map(|n| draft(n, n + salt)).collect()).unwrap();
    }
    log.publish().unwrap();
}

/// The published files of a directory; the writer's own are left out, as a mirror would.
pub(crate) fn load(dir: &Path) -> Log {
    let mut files = BTreeMap::new();
    files.insert("checkpoint".to_owned(), fs::read(dir.join("checkpoint")).unwrap());
    walk(&dir.join("tile"), "tile", &mut files);
    Log(files)
}

fn walk(dir: &Path, name: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let name = format!("{name}/{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            walk(&entry.path(), &name, files);
        } else {
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

pub(crate) fn log(size: u64) -> Log {
    log_with(key(), size, 0)
}

pub(crate) fn log_with(key: SigningKey, size: u64, salt: u64) -> Log {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), key, size, salt);
    load(dir.path())
}

impl Log {
    pub(crate) fn note(&self) -> SignedNote {
        SignedNote::parse(&self.0["checkpoint"]).unwrap()
    }

    pub(crate) fn head(&self) -> Checkpoint {
        self.note().text().parse().unwrap()
    }

    pub(crate) fn entries(&self) -> Vec<Vec<u8>> {
        let size = self.head().size;
        entry_bundles(TreeSize::EMPTY, size)
            .flat_map(|tile| bundle::entries(&self.0[&tile.to_string()], tile.width()))
            .map(|entry| entry.unwrap().to_vec())
            .collect()
    }

    /// Frames other entries into the bundles; head and hash tiles stay as they are.
    pub(crate) fn reframe(&mut self, entries: &[Vec<u8>]) {
        let tiles: Vec<Tile> = entry_bundles(TreeSize::EMPTY, self.head().size).collect();
        let mut rest = entries;
        for (n, tile) in tiles.iter().enumerate() {
            let here = if n + 1 == tiles.len() { rest.len() } else { rest.len().min(256) };
            let mut bytes = Vec::new();
            rest[..here].iter().for_each(|entry| bundle::append(&mut bytes, entry).unwrap());
            self.0.insert(tile.to_string(), bytes);
            rest = &rest[here..];
        }
    }

    /// Rebuilds everything over other entries and signs it: what a thief of the key can do.
    pub(crate) fn forge(entries: &[Vec<u8>], key: &SigningKey) -> Self {
        let (mut tree, mut levels) = (CompactRange::new(), BTreeMap::<u8, Vec<u8>>::new());
        for entry in entries {
            tree.append_visiting(leaf_hash(entry), |subtree, hash| {
                if subtree.level % TILE_HEIGHT == 0 {
                    levels.entry(subtree.level / TILE_HEIGHT).or_default().extend(hash.as_bytes());
                }
            });
        }
        let head = Checkpoint { origin: ORIGIN.parse().unwrap(), size: tree.size(), root: tree.root() };
        let note = head.sign(key).unwrap().into_note().to_string();
        let mut log = Self(BTreeMap::from([("checkpoint".to_owned(), note.into_bytes())]));
        for tile in hash_tiles(TreeSize::EMPTY, tree.size()) {
            let TileKind::Hashes { level } = tile.kind() else { continue };
            let start = usize::try_from(tile.index()).unwrap() * 256 * 32;
            let bytes = levels[&level][start..][..usize::from(tile.width()) * 32].to_vec();
            log.0.insert(tile.to_string(), bytes);
        }
        log.reframe(entries);
        log
    }

    /// The head's note with a witness's cosignature.
    pub(crate) fn cosigned(&self, witness: &SigningKey) -> SignedNote {
        self.cosigned_by(&key(), witness)
    }

    /// The same for a log of another key.
    pub(crate) fn cosigned_by(&self, key: &SigningKey, witness: &SigningKey) -> SignedNote {
        let head = tlog::checkpoint::open(&self.0["checkpoint"], key.verifier()).unwrap();
        let line =
            cosign(&head, witness, CosignatureTime::from_unix_seconds(1_795_240_500).unwrap()).unwrap();
        let mut note = head.into_note();
        note.add(line).unwrap();
        note
    }
}
