//! Kernel parameters, read again and again.
//!
//! A change of `/proc/sys` is announced within one mount of procfs. A service whose unit protects the kernel's tunables or control groups has a mount of its
//! own (systemd.exec(5), `MountAPIVFS=`) and hears of nothing, so each file is compared with what stood in it: some ten reads of a few bytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::interest::{Interests, Stir};

/// No parameter of one number is longer.
const LONGEST: usize = 64;

/// What stood in each when it was last read; none where it could not be read.
#[derive(Debug, Default)]
pub struct Parameters(BTreeMap<PathBuf, Option<Vec<u8>>>);

impl Parameters {
    /// Reads those that matter; what was read before stays, so that a change in between is not missed.
    pub fn want(&mut self, interests: &Interests) {
        let wanted = interests.stirs().filter_map(|stir| match stir {
            Stir::Parameter(path) => Some(path),
            _ => None,
        });
        let mut before = std::mem::take(&mut self.0);
        self.0 =
            wanted.map(|path| (path.clone(), before.remove(path).unwrap_or_else(|| read(path)))).collect();
    }

    /// Whether none matters.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that changed since.
    pub fn changed(&mut self) -> Vec<Stir> {
        let mut changed = Vec::new();
        for (path, last) in &mut self.0 {
            let now = read(path);
            if now != *last {
                *last = now;
                changed.push(Stir::Parameter(path.clone()));
            }
        }
        changed
    }
}

fn read(path: &Path) -> Option<Vec<u8>> {
    use std::io::Read as _;

    let mut bytes = [0; LONGEST];
    let length = std::fs::File::open(path).and_then(|mut file| file.read(&mut bytes)).ok()?;
    Some(bytes[..length].to_vec())
}
