//! Takes kits apart and puts them together again, honestly or not.

use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;

use contract::digest::{Digest, hex};
use evidence::kit::sample::{Recipe, Sample, make};
use serde_json::Value;
use tlog::note::{SignedNote, SigningKey};
use verify::{Kit, KitFault, KitReport, Trust, Witnesses};

/// The files of a kit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Files(pub(crate) BTreeMap<String, Vec<u8>>);

/// A kit of one log with 700 records, 130 of them before its period and the last 60 after it, with two rotations and a proof from the log of heads.
pub(crate) static SAMPLE: LazyLock<Sample> = LazyLock::new(|| make(&recipe()).unwrap());

pub(crate) fn recipe() -> Recipe {
    Recipe { records: 700, rotations: vec![300, 410], heads: true, ..Recipe::default() }
}

/// What an auditor brings for a sample: a key of each log, and the hub's.
pub(crate) fn brought(sample: &Sample) -> Trust {
    Trust {
        keys: sample.log_keys.lines().map(|key| key.parse().unwrap()).collect(),
        kit_key: Some(sample.keys.kits.verifier().clone()),
        heads_key: Some(sample.keys.heads.verifier().clone()),
        witnesses: Witnesses::All(vec![sample.keys.witness.verifier().clone()]),
        ..Trust::default()
    }
}

/// Judges the bytes of a kit.
pub(crate) fn judge(bytes: &[u8], trust: &Trust) -> KitReport {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    Kit::new(file.path()).verify(trust, &mut |_| ()).unwrap()
}

pub(crate) fn fault(bytes: &[u8], trust: &Trust) -> Option<KitFault> {
    match judge(bytes, trust).verdict {
        verify::Verdict::Altered(verify::Alteration::Container(fault)) => Some(fault),
        _ => None,
    }
}

impl Files {
    pub(crate) fn of(sample: &Sample) -> Self {
        let mut files = BTreeMap::new();
        let mut rest = sample.zip.as_slice();
        while let Some(header) = rest.strip_prefix(b"PK\x03\x04") {
            let length = u32::from_le_bytes(header[14..18].try_into().unwrap()) as usize;
            let name = usize::from(u16::from_le_bytes(header[22..24].try_into().unwrap()));
            let (name, data) = header[26..].split_at(name);
            files.insert(String::from_utf8(name.to_vec()).unwrap(), data[..length].to_vec());
            rest = &data[length..];
        }
        Self(files)
    }

    /// The zip, with every checksum right.
    pub(crate) fn pack(&self) -> Vec<u8> {
        zip(self.0.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())))
    }

    /// The only log's folder.
    pub(crate) fn folder(&self) -> String {
        let checkpoint = self.0.keys().find(|name| name.ends_with("/checkpoint")).unwrap();
        checkpoint.strip_suffix("checkpoint").unwrap().to_owned()
    }

    /// A file of the only log.
    pub(crate) fn of_log(&mut self, name: &str) -> &mut Vec<u8> {
        let name = self.folder() + name;
        self.0.get_mut(&name).unwrap()
    }

    pub(crate) fn cover(&self) -> Value {
        serde_json::from_slice(&self.0["kit.json"]).unwrap()
    }

    /// Writes another cover, and signs it with a stolen kit key.
    pub(crate) fn set_cover(&mut self, cover: &Value, key: &SigningKey) {
        self.set_cover_bytes(&serde_json_canonicalizer::to_vec(cover).unwrap(), key);
    }

    pub(crate) fn set_cover_bytes(&mut self, cover: &[u8], key: &SigningKey) {
        self.0.insert("kit.json".into(), cover.to_vec());
        self.sign(&format!("suture kit v1\n{}\n", hex(Digest::of(cover).as_bytes())), key);
    }

    pub(crate) fn sign(&mut self, text: &str, key: &SigningKey) {
        let note = SignedNote::sign(text, key).unwrap();
        self.0.insert("kit.note".into(), note.to_string().into_bytes());
    }
}

/// A container of these files in this order, whatever it is.
pub(crate) fn zip<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let (mut out, mut directory, mut count) = (Vec::new(), Vec::new(), 0_u16);
    for (name, bytes) in files {
        let start = u32::try_from(out.len()).unwrap();
        let length = u32::try_from(bytes.len()).unwrap().to_le_bytes();
        let fixed = [10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        let name_length = u16::try_from(name.len()).unwrap().to_le_bytes();
        let crc = crc32fast::hash(bytes).to_le_bytes();
        let both = [&fixed[..], &crc, &length, &length, &name_length, &[0, 0]].concat();
        out.extend([b"PK\x03\x04", &both[..], name.as_bytes(), bytes].concat());
        let start = start.to_le_bytes();
        directory.extend([b"PK\x01\x02\x14\0", &both[..], &[0; 10], &start, name.as_bytes()].concat());
        count += 1;
    }
    let start = u32::try_from(out.len()).unwrap().to_le_bytes();
    let length = u32::try_from(directory.len()).unwrap().to_le_bytes();
    let count = count.to_le_bytes();
    out.extend([&directory[..], b"PK\x05\x06\0\0\0\0", &count, &count, &length, &start, &[0, 0]].concat());
    out
}
