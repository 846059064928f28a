//! The order in which a kit is judged: container, cover, logs, period, documents; then the worst of it all.

use std::path::{Path, PathBuf};

use super::container::{Container, KitOpenError};
use super::cover::{COVER, COVER_BYTES_MAX, Cover, CoverFault, LogCover, NOTE, check_note};
use super::folder::Folder;
use super::found::Found;
use crate::log::{self, Judged, Scope, Times};
use crate::report::Report;
use crate::trust::Trust;
use crate::verdict::{Alteration, Verdict};
use crate::walk::Progress;

/// A kit that lies in a file.
#[derive(Debug, Clone)]
pub struct Kit {
    path: PathBuf,
}

/// What the verifier hands back of a kit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KitReport {
    /// The verdict: the worst of everything that was found.
    pub verdict: Verdict,
    /// The host of the log that the verdict is about, where it is about one.
    pub host: Option<String>,
    /// What the kit says of itself, where that could be read.
    pub cover: Option<Cover>,
    /// Its logs, each judged by itself.
    pub logs: Vec<LogInKit>,
}

/// One log of a kit, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogInKit {
    /// The machine whose log it is.
    pub host: String,
    /// Where the machine stands.
    pub site: String,
    /// The verdict on the log, and what it rests on.
    pub report: Report,
}

impl Kit {
    /// The kit in the file `path`. Nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Judges the kit. An error is the system's: the file could not be read.
    pub fn verify(
        &self,
        trust: &Trust,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<KitReport, std::io::Error> {
        if let Err(why) = trust.check() {
            return Ok(KitReport::of(Verdict::NothingVerified(why)));
        }
        match Container::open(&self.path) {
            Ok(container) => Ok(judge(&container, trust, progress)),
            Err(KitOpenError::NotAKit(why)) => {
                Ok(KitReport::of(Verdict::Altered(Alteration::Container(why))))
            }
            Err(KitOpenError::System(error)) => Err(error),
        }
    }
}

impl KitReport {
    /// A verdict on a kit of which nothing else is known.
    pub const fn of(verdict: Verdict) -> Self {
        Self { verdict, host: None, cover: None, logs: Vec::new() }
    }
}

fn judge(container: &Container, trust: &Trust, progress: &mut dyn FnMut(Progress)) -> KitReport {
    let mut found = Found::default();
    let mut report = KitReport::of(Verdict::IntactWitnessed);
    match cover(container, trust) {
        Err(why) => {
            found.altered(Alteration::Cover(why));
            found.damaged(container, &[]);
        }
        Ok((mut cover, fault)) => {
            cover.signed = fault.is_none() && trust.kit_key.is_some();
            let (logs, times) = judge_logs(container, &cover, trust, progress);
            report.logs = logs;
            found.damaged(container, &report.logs);
            if let Some(why) = fault {
                found.altered(Alteration::Cover(why));
            }
            found.logs(&report.logs, &cover, trust);
            found.period(&cover, &report.logs, &times);
            found.documents(container, &cover);
            report.cover = Some(cover);
        }
    }
    (report.verdict, report.host) = found.worst();
    report
}

/// The cover, and what is wrong with the note over it. An error: there is nothing to go on with.
fn cover(container: &Container, trust: &Trust) -> Result<(Cover, Option<CoverFault>), CoverFault> {
    let read = |name: &'static str, bytes_max| {
        let mut bytes = Vec::new();
        let read = container.read_into(name, bytes_max, &mut bytes);
        read.map(|()| bytes).map_err(|_| CoverFault::Unread(name))
    };
    let bytes = read(COVER, COVER_BYTES_MAX)?;
    let cover = Cover::parse(&bytes)?;
    let note = read(NOTE, tlog::note::NOTE_BYTES_MAX);
    let checked = note.and_then(|note| check_note(&note, &bytes, trust.kit_key.as_ref()));
    Ok((cover, checked.err()))
}

fn judge_logs(
    container: &Container,
    cover: &Cover,
    trust: &Trust,
    progress: &mut dyn FnMut(Progress),
) -> (Vec<LogInKit>, Vec<Option<Times>>) {
    let extents = || cover.logs.iter().map(|log| log.stated.extent);
    // What a cover claims may be anything.
    let size = extents().fold(0_u64, |sum, extent| sum.saturating_add(extent.end() - extent.first()));
    let mut before = 0_u64;
    let judge = |LogCover { host, site, stated }: &LogCover| {
        let mut progress =
            |here: Progress| progress(Progress { read: before.saturating_add(here.read), size });
        let folder = Folder::new(container, host);
        let Judged { report, times } = log::judge(&folder, trust, &Scope::Kit(stated), &mut progress);
        before = before.saturating_add(stated.extent.end() - stated.extent.first());
        (LogInKit { host: host.clone(), site: site.clone(), report }, times)
    };
    cover.logs.iter().map(judge).unzip()
}
