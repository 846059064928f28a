//! The RFC 6962 proof vectors of transparency-dev/merkle, every file of them, and its reference tree.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tlog::tree::{verify_consistency, verify_inclusion};
use tlog::{CompactRange, Hash, LeafIndex, TreeSize, leaf_hash};

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
    Hash::from_base64(value.as_str().unwrap_or_default())
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

/// The leaves of the tree that the RFC 6962 implementations have tested with from the first, and its root at each size.
const REFERENCE: [(&[u8], &str); 8] = [
    (b"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    (b"\x00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    (b"\x10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    (b"\x20\x21", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    (b"\x30\x31", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
    (b"\x40\x41\x42\x43", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
    (b"PQRSTUVW", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
    (b"`abcdefghijklmno", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
];

#[test]
fn the_reference_tree_has_its_published_roots() {
    let mut range = CompactRange::new();
    for (leaf, root) in REFERENCE {
        range.append(leaf_hash(leaf));
        assert_eq!(range.root().to_string(), root);
    }
}
