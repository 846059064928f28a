//! The RFC 6962 proof vectors of transparency-dev/merkle, every file of them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tlog::tree::{verify_consistency, verify_inclusion};
use tlog::{Hash, LeafIndex, TreeSize, leaf_hash};

fn files(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/merkle").join(folder);
    let mut pending = vec![root];
    let mut found = Vec::new();
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.push(path);
        }
    }
    found
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// A hash of a vector. Only proofs and inclusion vectors may be refused for holding what is no hash.
fn hash(value: &Value) -> Option<Hash> {
    Hash::from_base64(value.as_str().unwrap_or_default()).ok()
}

/// A root that stands for nothing but itself, where a vector gives a text instead of a hash.
fn root_or_stand_in(value: &Value) -> Hash {
    hash(value).unwrap_or_else(|| leaf_hash(value.as_str().unwrap_or_default().as_bytes()))
}

fn proof(vector: &Value) -> Option<Vec<Hash>> {
    vector["proof"].as_array().map_or(Some(Vec::new()), |proof| proof.iter().map(hash).collect())
}

fn inclusion_holds(vector: &Value) -> bool {
    let index = LeafIndex::new(vector["leafIdx"].as_u64().unwrap());
    let size = TreeSize::new(vector["treeSize"].as_u64().unwrap());
    let (Some(leaf), Some(root), Some(proof)) =
        (hash(&vector["leafHash"]), hash(&vector["root"]), proof(vector))
    else {
        return false;
    };
    verify_inclusion(index, size, &leaf, &proof, &root).is_ok()
}

/// An empty first tree is refused, as the vectors want: what to make of it is for the caller to say.
fn consistency_holds(vector: &Value) -> bool {
    let sizes = ["size1", "size2"].map(|name| TreeSize::new(vector[name].as_u64().unwrap()));
    let roots = ["root1", "root2"].map(|name| root_or_stand_in(&vector[name]));
    let Some(proof) = proof(vector) else { return false };
    verify_consistency((sizes[0], &roots[0]), (sizes[1], &roots[1]), &proof).is_ok()
}

fn check(folder: &str, holds: fn(&Value) -> bool) -> usize {
    let files = files(folder);
    for path in &files {
        let vector = read(path);
        assert_eq!(holds(&vector), !vector["wantErr"].as_bool().unwrap(), "{}", path.display());
    }
    files.len()
}

#[test]
fn inclusion_vectors() {
    assert_eq!(check("inclusion", inclusion_holds), INCLUSION_FILES);
}

#[test]
fn consistency_vectors() {
    assert_eq!(check("consistency", consistency_holds), CONSISTENCY_FILES);
}

// Counted, so that a vector lost from the folder is noticed.
const INCLUSION_FILES: usize = 98;
const CONSISTENCY_FILES: usize = 98;
