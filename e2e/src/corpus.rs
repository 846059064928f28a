//! Everything that is done to kits.

mod bytes;
mod container;
mod cover;
mod entries;
mod fresh;
mod handover;
mod heads;
mod honest;
mod keys;
mod tiles;
mod trust;

pub use bytes::{flips, truncations};
pub use honest::honest;

use crate::case::Case;

/// Every case that is made on purpose: each kind of tampering at the places where it differs.
pub fn deliberate() -> Vec<Case> {
    let mut cases = entries::cases();
    cases.extend(heads::cases());
    cases.extend(handover::cases());
    cases.extend(keys::cases());
    cases.extend(trust::cases());
    cases.extend(fresh::cases());
    cases.extend(tiles::cases());
    cases.extend(cover::cases());
    cases.extend(container::cases());
    cases
}
