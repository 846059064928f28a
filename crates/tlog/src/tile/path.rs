//! Tile paths: `tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]` (<https://c2sp.org/tlog-tiles>).
//!
//! `<N>` is written in groups of three digits, all but the last behind an `x`, so that no directory has more
//! than a thousand children and no name is both a file and a directory.

use std::fmt;
use std::str::FromStr;

use super::{Tile, TileError, TileKind};

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut groups, mut higher) = (format!("{:03}", self.index % 1000), self.index / 1000);
        while higher > 0 {
            groups = format!("x{:03}/{groups}", higher % 1000);
            higher /= 1000;
        }
        match self.kind {
            TileKind::Hashes { level } => write!(f, "tile/{level}/{groups}")?,
            TileKind::Entries => write!(f, "tile/entries/{groups}")?,
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for Tile {
    type Err = TileError;

    fn from_str(path: &str) -> Result<Self, TileError> {
        let (kind, index, width) = parts(path).ok_or(TileError::Path)?;
        let tile = Self::new(kind, index, width)?;
        // Writing it again refuses every second spelling: `x000/001`, `.p/256`, `+1`, a missing digit.
        if tile.to_string() == path { Ok(tile) } else { Err(TileError::Path) }
    }
}

/// The kind, index and width in a path, whatever their spelling.
fn parts(path: &str) -> Option<(TileKind, u64, u16)> {
    let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let kind = match kind {
        "entries" => TileKind::Entries,
        level => TileKind::Hashes { level: level.parse().ok()? },
    };
    let (groups, width) = rest.split_once(".p/").unwrap_or((rest, "256"));
    let index = groups.split('/').try_fold(0_u64, |index, group| {
        let group: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
        index.checked_mul(1000)?.checked_add(group)
    })?;
    Some((kind, index, width.parse().ok()?))
}
