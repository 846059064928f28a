//! A tree that grows by whole bundles. Most of its inner hashes are made by workers; what is left to do in order is little.

use tlog::hash::{Hash, empty_root, node_hash};
use tlog::tree::{CompactRange, Subtree};

use crate::extent::BUNDLE;

/// The roots of the full bundles as a tree of their own, and the leaves of the last bundle where it is not full.
#[derive(Default)]
pub(crate) struct Frontier {
    bundles: CompactRange,
    leaves: Vec<Hash>,
}

impl Frontier {
    /// The number of leaves.
    pub(crate) fn size(&self) -> u64 {
        self.bundles.size().get() * BUNDLE + self.leaves.len() as u64
    }

    /// Adds a full bundle by its root. `visit` is handed every subtree of bundles that this completes.
    pub(crate) fn push_full(&mut self, root: Hash, visit: impl FnMut(Subtree, Hash)) {
        self.bundles.append_visiting(root, visit);
    }

    /// Adds the leaves of the last bundle. Nothing follows them.
    pub(crate) fn push_last(&mut self, leaves: &[Hash]) {
        self.leaves = leaves.to_vec();
    }

    /// The root over all there is.
    pub(crate) fn root(&self) -> Hash {
        self.root_with(&self.leaves)
    }

    /// The root over the full bundles and then these leaves, at most a bundle of them.
    ///
    /// Subtrees that follow each other in descending size fold from the right into the root, also where the last two are alike.
    pub(crate) fn root_with(&self, leaves: &[Hash]) -> Hash {
        let mut last = CompactRange::new();
        for leaf in leaves {
            last.append(*leaf);
        }
        let peaks = self.bundles.peaks().iter().chain(last.peaks());
        let folded = peaks.rev().copied().reduce(|right, left| node_hash(&left, &right));
        folded.unwrap_or_else(empty_root)
    }
}

#[cfg(test)]
mod tests {
    use tlog::hash::leaf_hash;
    use tlog::tree::complete_root;

    use super::*;

    #[test]
    fn roots_are_those_of_the_tree_over_all_leaves() {
        let leaves: Vec<Hash> = (0..1800_u32).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let (mut whole, mut frontier) = (CompactRange::new(), Frontier::default());
        let mut roots = vec![whole.root()];
        for leaf in &leaves {
            whole.append(*leaf);
            roots.push(whole.root());
        }
        for bundle in leaves.chunks(256) {
            let before = usize::try_from(frontier.size()).unwrap();
            for n in 0..=bundle.len() {
                assert_eq!(frontier.root_with(&bundle[..n]), roots[before + n], "{}", before + n);
            }
            match complete_root(bundle).filter(|_| bundle.len() == 256) {
                Some(root) => frontier.push_full(root, |_, _| ()),
                None => frontier.push_last(bundle),
            }
        }
        assert_eq!((frontier.size(), frontier.root()), (1800, roots[1800]));
    }
}
