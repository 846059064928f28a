//! A sample's log of heads: an entry for each log, cosigned by the outside witness.

use std::collections::BTreeMap;

use tlog::cosignature::{self, CosignatureTime};
use tlog::proof::Proof;
use tlog::tree::{Subtree, complete_root, prove_inclusion};
use tlog::{Checkpoint, CompactRange, Hash, LeafIndex, TreeSize, leaf_hash};

use super::keys::DOMAIN;
use super::{BadRecipe, Keys, Recipe, SampleLog, bad, without_tail};

/// For each log, the proof of the newest of its heads that the outside witness vouches for.
pub(super) fn proofs(
    recipe: &Recipe,
    logs: &[SampleLog],
    keys: &Keys,
) -> Result<BTreeMap<String, Vec<u8>>, BadRecipe> {
    // Some entries of other tenants before ours, so that no proof is trivially short.
    let mut entries: Vec<String> =
        (0..5).map(|n| format!("{DOMAIN}/h-other{n}\n1\n{}\n", filler(n))).collect();
    let first = entries.len();
    for log in logs {
        entries.push(log.checkpoint(without_tail(log, recipe.tail))?.to_string());
    }
    let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry.as_bytes())).collect();
    let checkpoint = cosigned(recipe, &leaves, keys)?;
    let mut files = BTreeMap::new();
    for (n, log) in logs.iter().enumerate() {
        let index = LeafIndex::new((first + n) as u64);
        let subtree = |Subtree { level, index }: Subtree| {
            let (from, length) = (usize::try_from(index << level).unwrap_or(usize::MAX), 1_usize << level);
            leaves
                .get(from..from.saturating_add(length))
                .and_then(complete_root)
                .ok_or(BadRecipe("a hash is missing".to_owned()))
        };
        let size = TreeSize::new(leaves.len() as u64);
        let hashes = prove_inclusion(index, size, subtree).map_err(|e| bad(&e))?;
        let extra = Some(entries[first + n].clone().into_bytes());
        let proof = Proof { index, extra, hashes, checkpoint: checkpoint.clone() };
        files.insert(format!("logs/{}/head.tlog-proof", log.host), proof.to_string().into_bytes());
    }
    Ok(files)
}

fn cosigned(recipe: &Recipe, leaves: &[Hash], keys: &Keys) -> Result<tlog::SignedNote, BadRecipe> {
    let mut tree = CompactRange::new();
    for leaf in leaves {
        tree.append(*leaf);
    }
    let origin = format!("{DOMAIN}/heads").parse().map_err(|e| bad(&e))?;
    let head = Checkpoint { origin, size: tree.size(), root: tree.root() };
    let head = head.sign(&keys.heads).map_err(|e| bad(&e))?;
    let seconds = recipe.exported().unix_seconds();
    let time = CosignatureTime::from_unix_seconds(seconds).ok_or_else(|| bad(&"the time"))?;
    let line = cosignature::cosign(&head, &keys.outside, time).map_err(|e| bad(&e))?;
    let mut note = head.into_note();
    note.add(line).map_err(|e| bad(&e))?;
    Ok(note)
}

fn filler(n: u8) -> String {
    Hash::from_bytes([n; 32]).to_base64()
}
