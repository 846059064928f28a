//! Trees against the definition in RFC 6962 §2.1, written out as it stands there.

use std::convert::Infallible;

use tlog::hash::empty_root;
use tlog::tree::{CompactRangeError, Subtree, complete_root};
use tlog::{CompactRange, Hash, TreeSize, leaf_hash, node_hash};

/// `MTH(D[n])` over leaf hashes.
pub(crate) fn model_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&model_root(left), &model_root(right))
        }
    }
}

pub(crate) fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

pub(crate) fn size(leaves: usize) -> TreeSize {
    TreeSize::new(leaves as u64)
}

/// Reads complete subtrees straight from the leaves.
pub(crate) fn reader(leaves: &[Hash]) -> impl FnMut(Subtree) -> Result<Hash, Infallible> {
    move |Subtree { level, index }| {
        let start = usize::try_from(index << level).unwrap();
        Ok(complete_root(&leaves[start..start + (1 << level)]).unwrap())
    }
}

#[test]
fn every_size_up_to_600_has_the_root_of_the_definition() {
    let leaves = leaves(600);
    let mut range = CompactRange::new();
    for (index, leaf) in leaves.iter().enumerate() {
        assert_eq!(range.root(), model_root(&leaves[..index]));
        assert_eq!(range.append(*leaf).get(), index as u64);
        let restored = CompactRange::restore(range.size(), range.peaks().to_vec()).unwrap();
        assert_eq!(restored, range);
    }
    assert_eq!(range.root(), model_root(&leaves));
}

#[test]
fn a_frontier_with_the_wrong_number_of_peaks_is_refused() {
    let refused = CompactRange::restore(size(3), leaves(1));
    assert_eq!(refused, Err(CompactRangeError { size: size(3), peaks: 1 }));
    let beyond = TreeSize::new(u64::MAX);
    assert_eq!(CompactRange::restore(beyond, leaves(64)), Err(CompactRangeError { size: beyond, peaks: 64 }));
}

#[test]
fn hashes_have_one_spelling_each() {
    let hash = leaf_hash(b"");
    assert_eq!(hash.to_string(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    assert_eq!(empty_root().to_base64(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!(Hash::from_base64(&hash.to_base64()), Some(hash));
    let base64 = hash.to_base64();
    // The last character but the padding carries two bits that no byte uses: only zeros are accepted there.
    let stray_bits = base64.replace("B0=", "B1=");
    for refused in [base64.trim_end_matches('='), &stray_bits, "AAAA", ""] {
        assert!(Hash::from_base64(refused).is_none(), "{refused}");
    }
}
