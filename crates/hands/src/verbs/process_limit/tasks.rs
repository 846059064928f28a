//! The threads of a unit: nice values are theirs, one by one, and not a process's.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, setpriority_process};
use serde::{Deserialize, Serialize};

use super::usage::hierarchies;
use crate::HandError;

/// One thread. Numbers are given again; with its start it is named for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Task {
    process: u32,
    thread: u32,
    /// In the kernel's ticks since the machine was started.
    started: u64,
    pub(super) nice: i32,
}

/// What is kept to undo a limit: the threads as they were, and what they were given.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Niced {
    pub(super) to: i32,
    pub(super) tasks: Vec<Task>,
}

impl Niced {
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, HandError> {
        serde_json::to_vec(self)
            .map_err(|_| HandError::NotAsDeclared { what: "the list of nice values cannot be written" })
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, HandError> {
        serde_json::from_slice(bytes)
            .map_err(|_| HandError::NotAsDeclared { what: "the kept list of nice values cannot be read" })
    }
}

/// A line of `/proc/<pid>/stat`, from the third field on: the second may hold anything.
pub(super) fn fields(stat: &str) -> Option<Vec<&str>> {
    Some(stat.rsplit_once(')')?.1.split_ascii_whitespace().collect())
}

/// Field `number` as proc(5) counts them.
pub(super) fn field<T: std::str::FromStr>(fields: &[&str], number: usize) -> Option<T> {
    fields.get(number.checked_sub(3)?)?.parse().ok()
}

impl Task {
    fn read(process: u32, thread: u32) -> Result<Option<Self>, HandError> {
        let path = PathBuf::from(format!("/proc/{process}/task/{thread}/stat"));
        let Some(text) = vanishing(&path, fs::read_to_string(&path))? else { return Ok(None) };
        let task = fields(&text)
            .and_then(|f| Some(Self { process, thread, started: field(&f, 22)?, nice: field(&f, 19)? }));
        task.map(Some).ok_or(HandError::File {
            path,
            action: "read it",
            source: ErrorKind::InvalidData.into(),
        })
    }

    /// How it is now; none where it has ended.
    pub(super) fn now(&self) -> Result<Option<Self>, HandError> {
        Ok(Self::read(self.process, self.thread)?.filter(|now| now.is(self)))
    }

    /// Whether it is the same thread.
    pub(super) fn is(&self, other: &Self) -> bool {
        (self.process, self.thread, self.started) == (other.process, other.thread, other.started)
    }

    /// Gives it a nice value. One that has ended needs none.
    pub(super) fn give(&self, nice: i32) -> Result<(), HandError> {
        let pid = i32::try_from(self.thread).ok().and_then(Pid::from_raw);
        if self.now()?.is_none() {
            return Ok(());
        }
        match setpriority_process(pid, nice) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(e) => Err(HandError::File {
                path: PathBuf::from(format!("/proc/{}/task/{}", self.process, self.thread)),
                action: "give it a nice value",
                source: e.into(),
            }),
        }
    }
}

/// None for what is there no longer: processes come and go.
fn vanishing<T>(path: &Path, read: io::Result<T>) -> Result<Option<T>, HandError> {
    match read {
        Ok(value) => Ok(Some(value)),
        // A process that ends between the opening and the reading of its file is ESRCH, which has no kind of its own.
        Err(e) if e.kind() == ErrorKind::NotFound || e.raw_os_error() == Some(3) => Ok(None),
        Err(source) => Err(HandError::File { path: path.to_owned(), action: "read it", source }),
    }
}

/// The processes of a cgroup and of those below it.
pub(super) fn processes(cgroup: &str) -> Result<Vec<u32>, HandError> {
    let mut found = Vec::new();
    let relative = cgroup.trim_start_matches('/');
    let there = hierarchies().map(|h| h.join(relative)).find(|dir| dir.join("cgroup.procs").exists());
    let mut directories: Vec<PathBuf> = there.into_iter().collect();
    while let Some(directory) = directories.pop() {
        let path = directory.join("cgroup.procs");
        // A group of threads alone has no list of processes; they stand in the list above it.
        if let Ok(text) = fs::read_to_string(&path) {
            found.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
        }
        let Some(entries) = vanishing(&directory, fs::read_dir(&directory))? else { continue };
        let entries = entries.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir()));
        directories.extend(entries.map(|e| e.path()));
    }
    Ok(found)
}

/// The threads of a cgroup and of those below it.
pub(super) fn of(cgroup: &str) -> Result<Vec<Task>, HandError> {
    let mut found = Vec::new();
    for process in processes(cgroup)? {
        let path = PathBuf::from(format!("/proc/{process}/task"));
        let Some(threads) = vanishing(&path, fs::read_dir(&path))? else { continue };
        for thread in threads.flatten().filter_map(|t| t.file_name().to_str()?.parse().ok()) {
            found.extend(Task::read(process, thread)?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_s_name_cannot_shift_the_fields() {
        let line = "7 (a) R 1 (b)) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 -5 1 0 777 0";
        let fields = fields(line).unwrap();
        assert_eq!(field::<i32>(&fields, 19), Some(-5));
        assert_eq!(field::<u64>(&fields, 22), Some(777));
        assert_eq!(field::<u64>(&fields, 60), None);
    }

    #[test]
    fn what_is_kept_comes_back_and_nothing_else_does() {
        let task = Task { process: 1, thread: 2, started: 3, nice: -4 };
        let niced = Niced { to: 10, tasks: vec![task] };
        assert_eq!(Niced::from_bytes(&niced.to_bytes().unwrap()).unwrap(), niced);
        assert!(Niced::from_bytes(b"{}").is_err());
    }

    #[test]
    fn a_number_that_was_given_again_is_another_thread() {
        let me = std::process::id();
        let now = Task::read(me, me).unwrap().unwrap();
        assert_eq!(now.now().unwrap().as_ref(), Some(&now));
        let (nice, other) = (now.nice, Task { started: now.started + 1, ..now });
        assert_eq!(other.now().unwrap(), None);
        // Whoever runs this may have the lowest priority already.
        other.give(if nice == 19 { 18 } else { 19 }).unwrap();
        assert_eq!(Task::read(me, me).unwrap().unwrap().nice, nice);
    }
}
