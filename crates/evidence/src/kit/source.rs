//! Where a kit's tiles and bundles come from, and how a narrower one is cut from a wider one.

use contract::ids::HostId;
use tlog::Hash;
use tlog::tile::{Tile, TileKind};

/// Why a source did not give a tile.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// The logs of a kit, by host.
pub trait Source {
    /// The bytes of `tile` of the host's log, exactly as wide as asked. A log that has grown since cuts it from a wider one with [`narrowed`].
    fn tile(&mut self, host: &HostId, tile: Tile) -> Result<Vec<u8>, SourceError>;
}

/// The first bytes of a tile or bundle that make `tile`, which is at most as wide as what they are cut from.
///
/// `None` where they hold too little. A tile grows only at its end, so what is cut off is exactly what came later.
pub fn narrowed(tile: Tile, wider: &[u8]) -> Option<&[u8]> {
    let width = usize::from(tile.width());
    let length = match tile.kind() {
        TileKind::Hashes { .. } => width * Hash::LEN,
        TileKind::Entries => (0..width).try_fold(0_usize, |at, _| {
            let (length, _) = wider.get(at..)?.split_first_chunk()?;
            Some(at + length.len() + usize::from(u16::from_be_bytes(*length)))
        })?,
    };
    wider.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrower_tile_is_the_beginning_of_a_wider_one() {
        let entries = [b"\x00\x01a".as_slice(), b"\x00\x02bc", b"\x00\x00"].concat();
        let cut = |width| narrowed(Tile::new(TileKind::Entries, 0, width).unwrap(), &entries);
        assert_eq!(cut(1), Some(b"\x00\x01a".as_slice()));
        assert_eq!(cut(2), Some(&entries[..7]));
        assert_eq!(cut(3), Some(entries.as_slice()));
        assert_eq!(cut(4), None);
        let hashes = [7; 96];
        let cut = |width| narrowed(Tile::new(TileKind::Hashes { level: 0 }, 0, width).unwrap(), &hashes);
        assert_eq!(cut(2).map(<[u8]>::len), Some(64));
        assert_eq!(cut(4), None);
    }
}
