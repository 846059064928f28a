//! `restore.test`: restore a recent snapshot, compare it, clean up.
//!
//! A backup is one when it was restored. The newest snapshot of this host, by the name that restic noted, is restored into a scratch place, restic
//! itself verifying each file against the repository's own hashes; then, without trusting that, every file of the snapshot's list must be there in its
//! size, a sample is fetched a second time and compared by digest, files that did not change since must be the same on the live system, and databases
//! must open. Only then is the stamp touched, which the control looks at. Where there was nothing to compare, that is no pass: it could not be checked.
//!
//! Nothing is written to the repository: no lock, no cache. What was restored is what patients told their doctor: it lies in a private directory, and is
//! removed whatever happens, also when the process before this one died in the middle.
//!
//! **Deliberately absent:** a count by `restic stats`, which knows no part of a snapshot: the sizes of what is restored stand in its list.

mod compare;
mod databases;
mod environment;
mod restic;
mod scratch;
mod stamp;

use std::path::PathBuf;

use contract::record::{Before, Count};
use contract::runbook::RestoreTest;

use self::environment::Environment;
use self::restic::Restic;
use self::scratch::Scratch;
use crate::{Armed, Done, Hand, HandError, Place, Program};

/// Left free beside what is restored, in bytes.
const SPARE_BYTES: u64 = 64 << 20;

#[derive(Debug)]
struct Hands {
    test: RestoreTest,
    environment: Environment,
    restic: PathBuf,
}

pub(super) fn arm(test: &RestoreTest, place: &Place<'_>) -> Result<Armed, HandError> {
    // What an earlier process left behind goes first, even if this one then refuses.
    Scratch::clear(place)?;
    let environment = Environment::read(test)?;
    stamp::directory(&test.stamp)?;
    let restic = Program::find("restic")?;
    Ok(Armed::new(Before::Nothing, Hands { test: test.clone(), environment, restic }))
}

impl Hand for Hands {
    fn act(self: Box<Self>, place: &Place<'_>) -> Result<Done, HandError> {
        let Self { test, environment, restic } = *self;
        // Removed when this returns, however it does.
        let scratch = Scratch::make(place)?;
        let mut restic = Restic::new(restic, environment, test.reaches.clone(), place);
        let snapshot = restic.newest(&test)?;
        let files = restic.list(&snapshot, &test.include)?;
        let bytes = files.iter().fold(0u64, |sum, file| sum.saturating_add(file.size));
        if bytes > u64::from(test.size_mb_max) << 20 {
            return Err(HandError::NotAsDeclared { what: "more would be restored than the runbook allows" });
        }
        scratch.has_room(bytes.saturating_add(SPARE_BYTES))?;
        place.go_on()?;
        restic.restore(&snapshot, &test.include, &scratch)?;
        let restored = compare::all_there(&files, &scratch, place)?;
        let compared = compare::sample(&files, &snapshot, &scratch, &mut restic)?;
        let as_live = compare::with_live(&files, &test.databases, &scratch, place)?;
        let whole = databases::check(&test.databases, &scratch, place)?;
        let connections = restic.connections();
        scratch.remove()?;
        stamp::touch(&test.stamp)?;
        let counts = vec![
            (Count::FilesRestored, restored),
            (Count::FilesCompared, compared),
            (Count::FilesAsLive, as_live),
            (Count::DatabasesWhole, whole),
        ];
        Ok(Done { counts, connections })
    }
}
