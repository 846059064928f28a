//! `journal.vacuum`: shrink the journal.
//!
//! `journalctl --rotate` asks journald, over its own socket, to close the files that it writes to and to begin new ones; `--vacuum-size` removes the
//! oldest closed ones. journald is never restarted: that costs the messages of whoever logs just then. What was freed is measured in the
//! directories, not read out of what the program prints.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use contract::record::{Before, Count};

use crate::{Armed, Done, Hand, HandError, Place, Program};

/// Where journald keeps what stays and what does not.
const STORES: [&str; 2] = ["/var/log/journal", "/run/log/journal"];
/// Where journald is asked to rotate.
const SOCKET: &str = "/run/systemd/journal/io.systemd.journal";
/// How long it may take: gigabytes are removed in seconds.
const LIMIT_MS: u64 = 120_000;

#[derive(Debug)]
struct Vacuum {
    program: PathBuf,
    keep_mb: u32,
    stores: Vec<PathBuf>,
}

pub(super) fn arm(keep_mb: u32) -> Result<Armed, HandError> {
    arm_in(keep_mb, STORES.iter().map(PathBuf::from).collect())
}

fn arm_in(keep_mb: u32, mut stores: Vec<PathBuf>) -> Result<Armed, HandError> {
    if keep_mb == 0 {
        // For journalctl, 0 is no limit at all.
        return Err(HandError::NothingToDo("all of the journal may stay"));
    }
    stores.retain(|store| fs::symlink_metadata(store).is_ok_and(|s| s.is_dir()));
    if stores.is_empty() {
        return Err(HandError::NothingToDo("no journal is kept here"));
    }
    let program = Program::find("journalctl")?;
    Ok(Armed::new(Before::Nothing, Vacuum { program, keep_mb, stores }))
}

impl Hand for Vacuum {
    fn act(self: Box<Self>, place: &Place<'_>) -> Result<Done, HandError> {
        place.go_on()?;
        let before = size(&self.stores)?;
        let keep = format!("--vacuum-size={}M", self.keep_mb);
        let mut writes = self.stores.clone();
        writes.extend(fs::symlink_metadata(SOCKET).is_ok().then(|| PathBuf::from(SOCKET)));
        let program = Program {
            path: self.program,
            writes,
            time_limit_ms: LIMIT_MS.min(place.left_ms()),
            ..Program::of_the_system("", &["--quiet", "--rotate", &keep])
        };
        let ran = place.programs.succeed(&program)?;
        for store in &self.stores {
            rustix::fs::open(
                store,
                rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC,
                rustix::fs::Mode::empty(),
            )
            .and_then(|directory| rustix::fs::fsync(&directory))
            .map_err(HandError::file(store, "sync it"))?;
        }
        let freed = before.saturating_sub(size(&self.stores)?);
        Ok(Done { counts: vec![(Count::BytesFreed, freed)], connections: ran.connections })
    }
}

/// What the journal's files take on the disk. They lie in one directory for each machine id.
fn size(stores: &[PathBuf]) -> Result<u64, HandError> {
    let mut size = 0;
    let mut left: Vec<(PathBuf, u32)> = stores.iter().map(|store| (store.clone(), 1)).collect();
    while let Some((directory, depth)) = left.pop() {
        for entry in fs::read_dir(&directory).map_err(HandError::file(&directory, "list it"))? {
            let path = entry.map_err(HandError::file(&directory, "list it"))?.path();
            match fs::symlink_metadata(&path) {
                Ok(stat) if stat.is_dir() && depth > 0 => left.push((path, depth - 1)),
                Ok(stat) if stat.is_file() => size += stat.blocks() * 512,
                Ok(_) => {}
                // journald removes files too.
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(HandError::file(Path::new(&path), "look at it")(e)),
            }
        }
    }
    Ok(size)
}
