//! A log with several histories behind one key; and the one thing that must hold whatever it offers: of the heads that were cosigned, each extends
//! every earlier one.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Mutex;

use proptest::prelude::*;
use tlog::cosignature::{self, CosignatureTime};
use tlog::note::{NoteSignature, SignatureType};
use tlog::tree::{Subtree, complete_root, prove_consistency};
use tlog::witness::AddCheckpoint;
use tlog::{Checkpoint, CompactRange, Hash, Origin, SignedNote, SigningKey, TreeSize, leaf_hash};
use witness::{Considered, Heads, Logs, Witness};

pub(crate) const ORIGIN: &str = "log.example/one";

pub(crate) fn log_key() -> SigningKey {
    SigningKey::from_seed(ORIGIN.parse().unwrap(), SignatureType::Ed25519, &[1; 32]).unwrap()
}

pub(crate) fn witness_key() -> SigningKey {
    SigningKey::from_seed("w.example".parse().unwrap(), SignatureType::CosignatureV1, &[2; 32]).unwrap()
}

pub(crate) fn time() -> CosignatureTime {
    CosignatureTime::from_unix_seconds(1_795_000_000).unwrap()
}

/// One history: the leaves that it shares with history 0, and then its own.
#[derive(Debug, Clone)]
pub(crate) struct History(pub(crate) Vec<Hash>);

impl History {
    /// `shared` leaves that every history has, and then leaves of the history `name` alone.
    pub(crate) fn new(name: usize, shared: usize, length: usize) -> Self {
        let leaf = |i: usize| {
            let whose = if i < shared { 0 } else { name };
            leaf_hash(format!("{whose}:{i}").as_bytes())
        };
        Self((0..length).map(leaf).collect())
    }

    pub(crate) fn root(&self, size: usize) -> Hash {
        let mut range = CompactRange::new();
        for leaf in &self.0[..size] {
            range.append(*leaf);
        }
        range.root()
    }

    pub(crate) fn head(&self, size: usize) -> SignedNote {
        let checkpoint = Checkpoint {
            origin: ORIGIN.parse().unwrap(),
            size: TreeSize::new(size as u64),
            root: self.root(size),
        };
        checkpoint.sign(&log_key()).unwrap().into_note()
    }

    pub(crate) fn proof(&self, old: usize, size: usize) -> Vec<Hash> {
        let read = |Subtree { level, index }: Subtree| -> Result<Hash, Infallible> {
            let width = 1_usize << level;
            let start = usize::try_from(index).unwrap() * width;
            Ok(complete_root(&self.0[start..start + width]).unwrap())
        };
        if old == 0 || old > size {
            return Vec::new();
        }
        prove_consistency(TreeSize::new(old as u64), TreeSize::new(size as u64), read).unwrap()
    }

    /// The request of an honest log of this history.
    pub(crate) fn request(&self, old: usize, size: usize) -> AddCheckpoint {
        AddCheckpoint {
            old: TreeSize::new(old as u64),
            proof: self.proof(old, size),
            checkpoint: self.head(size),
        }
    }
}

/// Heads in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory(pub(crate) Mutex<HashMap<Origin, SignedNote>>);

impl Heads for Memory {
    type Error = Infallible;

    fn newest(&self, log: &Origin) -> Result<Option<SignedNote>, Infallible> {
        Ok(self.0.lock().unwrap().get(log).cloned())
    }

    fn replace(
        &self,
        log: &Origin,
        expected: Option<&SignedNote>,
        next: &SignedNote,
    ) -> Result<bool, Infallible> {
        let mut heads = self.0.lock().unwrap();
        if heads.get(log) != expected {
            return Ok(false);
        }
        heads.insert(log.clone(), next.clone());
        Ok(true)
    }
}

pub(crate) fn witness() -> Witness<Memory> {
    Witness::new(Logs::of([log_key().verifier()]).unwrap(), Memory::default())
}

/// The head that an answer cosigns, where it does.
pub(crate) fn cosigned(request: &AddCheckpoint, considered: &Considered) -> Option<Checkpoint> {
    if considered.answer.status != 200 {
        return None;
    }
    let mut note = request.checkpoint.clone();
    note.add(NoteSignature::parse(considered.answer.body.trim_end()).unwrap()).unwrap();
    Some(cosignature::verify(&note, witness_key().verifier()).unwrap().checkpoint().clone())
}

/// Which history, which size, from which size if not from the one held, with whose proof if not its own.
type Step = (usize, usize, Option<usize>, Option<usize>);

fn steps() -> impl Strategy<Value = (Vec<usize>, Vec<Step>)> {
    // Each history leaves history 0 somewhere; each step offers a size of one history, from the size that the witness holds or from any other,
    // with that history's proof or another's.
    let forks = prop::collection::vec(0_usize..40, 1..4);
    let step = (0_usize..4, 0_usize..40, prop::option::of(0_usize..40), prop::option::of(0_usize..4));
    (forks, prop::collection::vec(step, 1..40))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn all_cosigned_heads_are_heads_of_one_history((forks, steps) in steps()) {
        let mut histories = vec![History::new(0, 0, 40)];
        histories.extend(forks.iter().enumerate().map(|(i, shared)| History::new(i + 1, *shared, 40)));
        let witness = witness();
        let mut vouched: Vec<Checkpoint> = Vec::new();
        for (history, size, old, other) in steps {
            let history = &histories[history % histories.len()];
            let held = vouched.last().map_or(0, |c| usize::try_from(c.size.get()).unwrap());
            let old = old.unwrap_or(held);
            let mut request = history.request(old, size);
            if let Some(other) = other {
                request.proof = histories[other % histories.len()].proof(old, size);
            }
            let considered = witness.add(&witness_key(), &request, time()).unwrap();
            if let Some(fork) = &considered.fork {
                prop_assert_ne!(considered.answer.status, 200);
                prop_assert!(fork.is_proven(&[log_key().verifier().clone()]));
                prop_assert!(!fork.is_proven(&[witness_key().verifier().clone()]));
            }
            vouched.extend(cosigned(&request, &considered));
        }
        // They are heads of one history: some history has every one of these roots.
        for pair in vouched.windows(2) {
            prop_assert!(pair[0].size <= pair[1].size);
        }
        let one = histories.iter().any(|history| {
            vouched.iter().all(|c| history.root(usize::try_from(c.size.get()).unwrap()) == c.root)
        });
        prop_assert!(one, "cosigned heads of two histories: {vouched:?}");
    }

    #[test]
    fn an_honest_log_is_always_cosigned_and_never_accused(
        sizes in prop::collection::vec(0_usize..60, 1..30),
    ) {
        let history = History::new(0, 0, 60);
        let witness = witness();
        let mut sizes = sizes;
        sizes.sort_unstable();
        let mut held = 0;
        for size in sizes {
            let request = history.request(held, size);
            let considered = witness.add(&witness_key(), &request, time()).unwrap();
            prop_assert_eq!(considered.fork.as_deref(), None);
            prop_assert_eq!(cosigned(&request, &considered).map(|c| c.root), Some(history.root(size)));
            held = size;
        }
    }

    #[test]
    fn a_fork_is_proven_whenever_the_new_tree_shows_the_old_one(
        shared in 0_usize..30,
        held in 1_usize..30,
        further in 0_usize..30,
    ) {
        let (one, two) = (History::new(0, 0, 60), History::new(1, shared, 60));
        let (held, size) = (held, held + further);
        let witness = witness();
        witness.add(&witness_key(), &one.request(0, held), time()).unwrap();
        let considered = witness.add(&witness_key(), &two.request(held, size), time()).unwrap();
        let forks = shared < held;
        prop_assert_eq!(considered.answer.status == 200, !forks);
        // The proof of a tree over a power of two does not hold that tree's own root: then the two heads alone prove nothing.
        let shown = held == size || !held.is_power_of_two();
        prop_assert_eq!(considered.fork.is_some(), forks && shown);
    }
}
