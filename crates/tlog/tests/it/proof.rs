//! Proof files: the shape of the specification, and everything that is not it.

use proptest::prelude::*;
use tlog::note::SignatureType;
use tlog::proof::{BodyError, Proof};
use tlog::tree::{InclusionError, complete_root, prove_inclusion};
use tlog::{Checkpoint, Hash, LeafIndex, SignedNote, TreeSize, checkpoint, leaf_hash, node_hash};

use crate::signing_key;

// The specification's example. Its signature lines are shortened there, so a line of the same shape stands in for
// them; its extra data, by its characters a valid base64 text, is kept.
const EXAMPLE: &str = "c2sp.org/tlog-proof@v1
extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=
RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=
AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=

example.com/fancylog
109482
sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

\u{2014} example.com/fancylog hI2DJwAA
";

fn refused(text: &str) -> BodyError {
    Proof::parse(text.as_bytes()).unwrap_err()
}

/// The proof of leaf 2 of four, signed.
fn proof() -> (Proof, Vec<Hash>) {
    let leaves: Vec<Hash> = (0..4_u8).map(|n| leaf_hash(&[n])).collect();
    let root = complete_root(&leaves).unwrap();
    let size = TreeSize::new(4);
    let signed = Checkpoint { origin: "log.example".parse().unwrap(), size, root };
    let signed = signed.sign(&signing_key("log.example", SignatureType::Ed25519, 1)).unwrap();
    let index = LeafIndex::new(2);
    let read = |subtree: tlog::tree::Subtree| match subtree.level {
        0 => Ok::<_, std::fmt::Error>(leaves[usize::try_from(subtree.index).unwrap()]),
        _ => Ok(node_hash(&leaves[0], &leaves[1])),
    };
    let hashes = prove_inclusion(index, size, read).unwrap();
    (Proof { index, extra: None, hashes, checkpoint: signed.into_note() }, leaves)
}

/// What an auditor does with a proof file: read it, verify the log's signature, then the place of the leaf.
fn verifies(bytes: &[u8], leaf: &Hash) -> bool {
    let key = signing_key("log.example", SignatureType::Ed25519, 1);
    Proof::parse(bytes).is_ok_and(|proof| {
        let opened = checkpoint::open(proof.checkpoint.to_string().as_bytes(), key.verifier());
        opened.is_ok_and(|opened| proof.verify_leaf(leaf, opened.checkpoint()).is_ok())
    })
}

#[test]
fn the_specification_example_is_read_and_written_alike() {
    let proof = Proof::parse(EXAMPLE.as_bytes()).unwrap();
    assert_eq!(proof.index, LeafIndex::new(73_894));
    assert!(proof.extra.as_deref().unwrap().starts_with(b"age-v1.2.1-darwin-arm64.tar.gz"));
    assert_eq!(proof.hashes.len(), 5);
    assert_eq!(proof.hashes[4].to_base64(), "AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=");
    assert!(proof.checkpoint.text().starts_with("example.com/fancylog\n109482\n"));
    assert_eq!(proof.to_string(), EXAMPLE);
}

#[test]
fn the_extra_line_and_the_hashes_may_be_absent() {
    let bare = "c2sp.org/tlog-proof@v1\nindex 0\n\ntext\n\n\u{2014} log AAAAAAA=\n";
    let proof = Proof::parse(bare.as_bytes()).unwrap();
    assert_eq!((proof.index, proof.extra.clone(), proof.hashes.len()), (LeafIndex::new(0), None, 0));
    assert_eq!(proof.to_string(), bare);
}

#[test]
fn whatever_is_not_the_format_is_refused_with_what_was_expected() {
    let from = |old: &str, new: &str| EXAMPLE.replacen(old, new, 1);
    let cases = [
        (String::new(), "an empty line"),
        (from("\n\n", "\n"), "signed note"),
        (from("@v1", "@v2"), "c2sp.org/tlog-proof@v1"),
        (from("c2sp.org/tlog-proof@v1\n", ""), "c2sp.org/tlog-proof@v1"),
        (from("c2sp", "\u{feff}c2sp"), "c2sp.org/tlog-proof@v1"),
        (from("YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ", ""), "`extra`"),
        (from("YWdl", "YWd"), "`extra`"),
        (from("extra ", "Extra "), "`index`"),
        (from("extra", "index 1\nextra"), "base64 of a hash"),
        (from("index 73894", "index 073894"), "`index`"),
        (from("index 73894", "index +73894"), "`index`"),
        (from("index 73894", "index -5"), "`index`"),
        (from("index 73894", "index  73894"), "`index`"),
        (from("index 73894", "index 73894 "), "`index`"),
        (from("index 73894", "index 18446744073709551616"), "`index`"),
        (from("index 73894\n", ""), "`index`"),
        (from("PlQ=\n", "PlQ\n"), "base64 of a hash"),
        (from("PlQ=\n", "PlR=\n"), "base64 of a hash"),
        (from("PlQ=\n", "PlQ=\r\n"), "base64 of a hash"),
        (from("gSKyXoYZUgZ6", ""), "base64 of a hash"),
    ];
    for (text, expected) in cases {
        let message = refused(&text).to_string();
        assert!(message.contains(expected), "{text:?}: {message}");
    }
    assert!(matches!(refused(&from("\u{2014} example", "- example")), BodyError::Checkpoint(_)));
    assert_eq!(Proof::parse(b"\xff\n\n"), Err(BodyError::Line("UTF-8 text")));
}

#[test]
fn a_proof_holds_for_its_leaf_at_its_index_only() {
    let (mut proof, leaves) = proof();
    assert!(verifies(proof.to_string().as_bytes(), &leaves[2]));
    assert!(!verifies(proof.to_string().as_bytes(), &leaves[1]));
    let opened: Checkpoint = proof.checkpoint.text().parse().unwrap();
    proof.index = LeafIndex::new(4);
    let refused = |index| Err(InclusionError { index, size: TreeSize::new(4) });
    assert_eq!(proof.verify_leaf(&leaves[2], &opened), refused(LeafIndex::new(4)));
    proof.hashes.clear();
    proof.index = LeafIndex::new(2);
    assert_eq!(proof.verify_leaf(&leaves[2], &opened), refused(LeafIndex::new(2)));
}

#[test]
fn a_proof_carries_the_checkpoint_of_another_kind_of_log_unread() {
    let text = "other log with spaces\n7\nnot a root\nextension\n";
    let note = SignedNote::sign(text, &signing_key("log.example", SignatureType::Ed25519, 1)).unwrap();
    let proof = Proof { index: LeafIndex::new(1), extra: None, hashes: Vec::new(), checkpoint: note };
    assert_eq!(Proof::parse(proof.to_string().as_bytes()), Ok(proof));
}

proptest! {
    #[test]
    fn any_flipped_bit_and_any_cut_is_refused(pick: prop::sample::Index, bit in 0_u32..8) {
        let (proof, leaves) = proof();
        let good = proof.to_string().into_bytes();
        let mut bad = good.clone();
        let at = pick.index(bad.len());
        bad[at] ^= 1 << bit;
        prop_assert!(!verifies(&bad, &leaves[2]));
        prop_assert!(!verifies(&good[..at], &leaves[2]));
    }

    #[test]
    fn any_proof_round_trips(
        index: u64,
        extra in prop::option::of(prop::collection::vec(any::<u8>(), 1..40)),
        hashes in prop::collection::vec(any::<[u8; 32]>(), 0..64),
    ) {
        let hashes = hashes.into_iter().map(Hash::from_bytes).collect();
        let proof = Proof { index: LeafIndex::new(index), extra, hashes, checkpoint: proof().0.checkpoint };
        prop_assert_eq!(Proof::parse(proof.to_string().as_bytes()), Ok(proof));
    }
}
