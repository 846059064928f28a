//! The mirror's working copy as the source of a kit's tiles.
//!
//! The copy keeps of a growing tile only its widest. A pinned head may need a narrower one, and gets it cut from the wider: a tile grows at its end
//! and nowhere else. The copy may grow while it is read, so a tile that was there a moment ago is looked for again under its new name.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use contract::ids::HostId;
use edge::file::{FileError, read};
use evidence::kit::{Source, SourceError, narrowed};
use tlog::tile::{TILE_WIDTH, Tile};

/// The largest tile or bundle that is read: a full bundle of the longest records, with room.
const FILE_MAX_BYTES: u64 = 32 << 20;
/// How often a tile is looked for while the copy grows under it.
const LOOKS: usize = 8;

/// The directories of the logs, by host.
#[derive(Debug, Clone)]
pub(super) struct Copies(pub(super) BTreeMap<HostId, PathBuf>);

impl Source for Copies {
    fn tile(&mut self, host: &HostId, tile: Tile) -> Result<Vec<u8>, SourceError> {
        Tiles::at(self.0.get(host).ok_or("the hub has no copy of this log")?).read(tile)
    }
}

/// The tiles of one log that grows in a directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiles<'d>(&'d Path);

impl<'d> Tiles<'d> {
    /// Those there.
    pub(crate) const fn at(directory: &'d Path) -> Self {
        Self(directory)
    }

    /// The bytes of one.
    pub(crate) fn read(self, tile: Tile) -> Result<Vec<u8>, SourceError> {
        for _ in 0..LOOKS {
            for there in wide_enough(self.0, tile)? {
                match read(&self.0.join(there.to_string()), FILE_MAX_BYTES) {
                    Ok(bytes) => {
                        let bytes = narrowed(tile, &bytes).ok_or("a file of the copy is too short")?;
                        return Ok(bytes.to_vec());
                    }
                    Err(e) if e.source.kind() == io::ErrorKind::NotFound => {}
                    Err(e) => return Err(e.into()),
                }
            }
        }
        Err(format!("{}: the copy has neither {tile} nor a wider one", self.0.display()).into())
    }
}

/// The tiles that hold `tile`, the likeliest first: itself, the full one, and what else there is.
fn wide_enough(directory: &Path, tile: Tile) -> Result<Vec<Tile>, SourceError> {
    let of_width = |width| Tile::new(tile.kind(), tile.index(), width);
    let mut tiles = vec![tile];
    if tile.is_full() {
        return Ok(tiles);
    }
    tiles.push(of_width(TILE_WIDTH)?);
    let path = directory.join(tile.to_string());
    let beside = path.parent().unwrap_or(directory);
    let failed = |source| FileError { path: beside.to_owned(), action: "list it", source };
    let entries = match std::fs::read_dir(beside) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(tiles),
        Err(e) => return Err(failed(e).into()),
    };
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let width = name.to_str().and_then(|name| name.parse::<u16>().ok());
        if let Some(width) = width.filter(|width| (tile.width() + 1..TILE_WIDTH).contains(width)) {
            tiles.push(of_width(width)?);
        }
    }
    Ok(tiles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrower_tile_comes_from_whatever_is_wider() {
        let directory = tempfile::tempdir().unwrap();
        let host: HostId = "h-1".parse().unwrap();
        let mut copies = Copies(BTreeMap::from([(host.clone(), directory.path().to_owned())]));
        let wanted: Tile = "tile/0/000.p/2".parse().unwrap();
        let put = |path: &str, bytes: &[u8]| {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            edge::file::write_durably(&path, bytes).unwrap();
        };
        assert!(copies.tile(&host, wanted).is_err());
        put("tile/0/000.p/1", &[1; 32]);
        assert!(copies.tile(&host, wanted).is_err(), "a narrower one is not enough");
        put("tile/0/000.p/3", &[3; 96]);
        assert_eq!(copies.tile(&host, wanted).unwrap(), [3; 64]);
        put("tile/0/000", &[4; 8192]);
        std::fs::remove_dir_all(directory.path().join("tile/0/000.p")).unwrap();
        assert_eq!(copies.tile(&host, wanted).unwrap(), [4; 64]);
        put("tile/0/000.p/2", &[2; 64]);
        assert_eq!(copies.tile(&host, wanted).unwrap(), [2; 64]);
        assert!(copies.tile(&"h-2".parse().unwrap(), wanted).is_err());
    }
}
