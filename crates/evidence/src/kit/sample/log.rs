//! One host's log, written as an executor would write it.

use std::fmt::Write as _;

use contract::digest::{Digest, hex};
use contract::fact::FactValue;
use contract::finding::{Finding, Tally, Verdict};
use contract::ids::{HostId, SiteId};
use contract::record::{
    Body, Digests, FindingsTaken, Gap, GapReason, KeyNamed, KeyTaken, Lost, Opened, PreviousLeaf, Record,
    Recovered, Trigger,
};
use contract::time::ClockOffset;
use tlog::cosignature::{self, CosignatureTime};
use tlog::note::SignatureType;
use tlog::tile::{TILE_HEIGHT, Tile, TileKind, bundle};
use tlog::tree::complete_root;
use tlog::{Checkpoint, CompactRange, Hash, Origin, SigningKey, TreeSize, VerifierKey, leaf_hash};

use super::keys::DOMAIN;
use super::{BadRecipe, Keys, Recipe, bad, drawn, key, parsed, site_of};

/// A log that is held whole.
#[derive(Debug)]
pub struct SampleLog {
    /// Whose it is.
    pub host: HostId,
    /// Where that is.
    pub site: SiteId,
    /// Its origin.
    pub origin: Origin,
    /// Its entries.
    pub entries: Vec<Vec<u8>>,
    /// Its keys, each with the size of the first head that it signs.
    pub keys: Vec<(u64, SigningKey)>,
    leaves: Vec<Hash>,
}

impl SampleLog {
    pub(super) fn make(recipe: &Recipe, number: u32) -> Result<Self, BadRecipe> {
        let id = hex(&drawn(recipe.seed, &format!("host {number}"))[..8]);
        let host: HostId = parsed(&format!("h-{id}"));
        let origin: Origin = format!("{DOMAIN}/{host}").parse().map_err(|e| bad(&e))?;
        let mut log =
            Self { host, site: site_of(number), origin, entries: vec![], keys: vec![], leaves: vec![] };
        log.take_key(recipe.seed, 1)?;
        let mut index = 0;
        while index < recipe.records {
            index += if recipe.rotations.contains(&index) && index > 0 {
                log.rotate(recipe)?
            } else {
                log.write(recipe, log.body(recipe, index)?)?
            };
        }
        Ok(log)
    }

    /// Its number of entries.
    pub fn size(&self) -> TreeSize {
        TreeSize::new(self.entries.len() as u64)
    }

    /// The key of its first heads.
    pub fn first_key(&self) -> &VerifierKey {
        self.keys[0].1.verifier()
    }

    /// The key to hand to somebody who reads only these entries: the first, or the last where they do not hold every hand-over.
    pub(super) fn key_for(&self, entries: std::ops::Range<u64>) -> &VerifierKey {
        // A key signs first at the size after its two records.
        let handed_over = |from: u64| entries.contains(&(from - 2)) && entries.contains(&(from - 1));
        let all = self.keys.iter().skip(1).all(|(from, _)| handed_over(*from));
        let last = self.keys.len() - 1;
        self.keys[if all { 0 } else { last }].1.verifier()
    }

    /// The key that signs the head of a size.
    pub fn key_of(&self, size: TreeSize) -> &SigningKey {
        let in_force = self.keys.iter().rev().find(|(from, _)| *from <= size.get());
        &in_force.unwrap_or(&self.keys[0]).1
    }

    /// The head of its first entries.
    pub fn checkpoint(&self, size: TreeSize) -> Result<Checkpoint, BadRecipe> {
        let mut tree = CompactRange::new();
        let leaves = usize::try_from(size.get()).ok().and_then(|n| self.leaves.get(..n));
        for leaf in leaves.ok_or_else(|| bad(&"a head beyond the log"))? {
            tree.append(*leaf);
        }
        Ok(Checkpoint { origin: self.origin.clone(), size, root: tree.root() })
    }

    /// The note of its newest head: signed, and cosigned by the hub where the recipe says so.
    pub(super) fn head(&self, recipe: &Recipe, keys: &Keys) -> Result<String, BadRecipe> {
        let signed = self.checkpoint(self.size())?.sign(self.key_of(self.size())).map_err(|e| bad(&e))?;
        if !recipe.witnessed || recipe.tail > 0 {
            return Ok(signed.note().to_string());
        }
        let seconds = recipe.exported().unix_seconds();
        let time = CosignatureTime::from_unix_seconds(seconds).ok_or_else(|| bad(&"the time"))?;
        let line = cosignature::cosign(&signed, &keys.witness, time).map_err(|e| bad(&e))?;
        let mut note = signed.into_note();
        note.add(line).map_err(|e| bad(&e))?;
        Ok(note.to_string())
    }

    /// A key log of all its keys.
    pub(super) fn key_log(&self) -> String {
        let mut text = format!("suture key log v1\n{}\n", self.origin);
        let ends = self.keys.iter().skip(1).map(|(from, _)| (from - 1).to_string()).chain(["-".to_owned()]);
        for ((from, key), end) in self.keys.iter().zip(ends) {
            let _ = writeln!(text, "{} {from} {end}", key.verifier());
        }
        text
    }

    /// One of its tiles, at most as wide as there are hashes or entries.
    pub fn tile(&self, tile: Tile) -> Option<Vec<u8>> {
        let start = usize::try_from(tile.index()).ok()?.checked_mul(256)?;
        let places = start..start + usize::from(tile.width());
        match tile.kind() {
            TileKind::Entries => {
                let mut bytes = Vec::new();
                for entry in self.entries.get(places)? {
                    bundle::append(&mut bytes, entry).ok()?;
                }
                Some(bytes)
            }
            TileKind::Hashes { level } => {
                let below = 1_usize << (u32::from(TILE_HEIGHT) * u32::from(level));
                let hash = |n: usize| complete_root(self.leaves.get(n * below..(n + 1) * below)?);
                places
                    .map(|n| hash(n).map(|h| *h.as_bytes()))
                    .collect::<Option<Vec<_>>>()
                    .map(|all| all.concat())
            }
        }
    }

    fn take_key(&mut self, seed: u64, from: u64) -> Result<(), BadRecipe> {
        let name = self.origin.to_string();
        let secret = drawn(seed, &format!("{name} {}", self.keys.len()));
        self.keys.push((from, key(&name, SignatureType::Ed25519, &secret)?));
        Ok(())
    }

    /// The two records of a rotation.
    fn rotate(&mut self, recipe: &Recipe) -> Result<u64, BadRecipe> {
        let named = self.entries.len() as u64 + 1;
        self.take_key(recipe.seed, named + 1)?;
        let next = self.keys[self.keys.len() - 1].1.verifier().to_string();
        self.write(recipe, Body::KeyNamed(KeyNamed { key: next.clone() }))?;
        let head = self.checkpoint(self.size())?.sign(self.key_of(self.size())).map_err(|e| bad(&e))?;
        self.write(recipe, Body::KeyTaken(KeyTaken { handover: head.note().to_string(), key: next }))?;
        Ok(2)
    }

    fn write(&mut self, recipe: &Recipe, body: Body) -> Result<u64, BadRecipe> {
        let seq = self.entries.len() as u64;
        // The baseline changes half-way through.
        let version = if seq < recipe.records / 2 { "1" } else { "2" };
        let baseline = Some(Digest::of(format!("baseline {version}").as_bytes()));
        let record = Record {
            origin: self.origin.to_string(),
            seq,
            time: recipe.time(seq),
            clock: ClockOffset::SynchronisedWithinMs(3),
            prev: self.leaves.last().map(|hash| PreviousLeaf(*hash.as_bytes())),
            subject: "log".to_owned(),
            digests: Digests { baseline, ..Digests::default() },
            body,
        };
        let value = record.to_value().map_err(|e| bad(&e))?;
        let entry = serde_json_canonicalizer::to_vec(&value).map_err(|e| bad(&e))?;
        self.leaves.push(leaf_hash(&entry));
        self.entries.push(entry);
        Ok(1)
    }

    fn body(&self, recipe: &Recipe, index: u64) -> Result<Body, BadRecipe> {
        match index {
            0 => Ok(Body::Opened(Opened {
                tenant: recipe.tenant.clone(),
                site: self.site.clone(),
                host: self.host.clone(),
                key: self.first_key().to_string(),
                software: "0.1.0".to_owned(),
                succeeds: None,
            })),
            _ if index % 97 == 13 => Ok(Body::Recovered(Recovered { torn_bytes: index, unfinished: vec![] })),
            _ if index % 131 == 20 => Ok(Body::Gap(Gap {
                reason: GapReason::NotRunning,
                from: recipe.time(index - 1),
                until: recipe.time(index),
                lost: Lost::Unknown,
            })),
            _ => findings(recipe, index),
        }
    }
}

/// Findings, so many that the record has about the wanted length.
fn findings(recipe: &Recipe, index: u64) -> Result<Body, BadRecipe> {
    let count = recipe.record_bytes.saturating_sub(420) as u64 / 90 + 1;
    let finding = |n: u64| {
        let control = format!("sample.control-{:03}", (index + n) % 1000).parse().map_err(|e| bad(&e))?;
        let fact = "own:evidence".parse().map_err(|e| bad(&e))?;
        Ok(Finding { control, fact, verdict: Verdict::Pass(FactValue::Flag(true)) })
    };
    let findings = (0..count).map(finding).collect::<Result<Vec<_>, BadRecipe>>()?;
    let tally = Tally::of(&findings);
    Ok(Body::Findings(FindingsTaken { trigger: Trigger::FullScan, part: 1, parts: 1, tally, findings }))
}
