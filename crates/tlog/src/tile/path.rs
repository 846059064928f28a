//! Tile paths: `tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]` (<https://c2sp.org/tlog-tiles>).
//!
//! `<N>` is written in groups of three digits, all but the last behind an `x`, so that no directory has more
//! than a thousand children and no name is both a file and a directory.

use std::fmt;
use std::str::FromStr;

use super::{TILE_WIDTH, Tile, TileError, TileKind};
use crate::decimal;

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes { level } => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let mut divisor = 1;
        while self.index / divisor >= 1000 {
            divisor *= 1000;
        }
        while divisor > 1 {
            write!(f, "x{:03}/", self.index / divisor % 1000)?;
            divisor /= 1000;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for Tile {
    type Err = TilePathError;

    fn from_str(path: &str) -> Result<Self, TilePathError> {
        let (kind, rest) =
            path.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(TilePathError::Form)?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => TileKind::Hashes { level: number(level)? },
        };
        let (groups, width) = match rest.split_once(".p/") {
            Some((groups, width)) => (groups, number(width)?),
            None => (rest, TILE_WIDTH),
        };
        let tile = Self::new(kind, index(groups)?, width).map_err(TilePathError::Tile)?;
        // Writing it again refuses every second spelling: `x000/001`, `.p/256`, a missing digit.
        if tile.to_string() == path { Ok(tile) } else { Err(TilePathError::Form) }
    }
}

fn number<N: TryFrom<u64>>(text: &str) -> Result<N, TilePathError> {
    decimal::parse(text).and_then(|number| number.try_into().ok()).ok_or(TilePathError::Form)
}

/// Reads the groups of `<N>`, leaving their spelling to the comparison with the written form.
fn index(groups: &str) -> Result<u64, TilePathError> {
    groups.split('/').try_fold(0_u64, |index, group| {
        let digits = group.strip_prefix('x').unwrap_or(group);
        let value =
            if digits.bytes().all(|digit| digit.is_ascii_digit()) { digits.parse().ok() } else { None };
        index
            .checked_mul(1000)
            .zip(value)
            .and_then(|(high, low)| high.checked_add(low))
            .ok_or(TilePathError::Form)
    })
}

/// Why a path does not name a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TilePathError {
    /// Not a tile path in its one spelling.
    #[error("not of the form tile/<level>/<index>[.p/<width>] or tile/entries/<index>[.p/<width>]")]
    Form,
    /// No log has this tile.
    #[error("no log has this tile")]
    Tile(#[source] TileError),
}
