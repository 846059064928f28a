//! Which events the facts of the baseline are about. Pure: what the facts hang on goes in, directories to watch and things to listen for come out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use contract::fact::FactId;
use facts::Input;

/// As many links as the kernel itself follows in one path.
const LINKS_MAX: u8 = 40;

/// What is not a file and can change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stir {
    /// The state of this unit.
    Unit(String),
    /// The state of some unit.
    Units,
    /// The state of units, and nobody says of which.
    AllUnits,
    /// The mounts.
    Mounts,
    /// The swaps.
    Swaps,
    /// Which sockets listen.
    Sockets,
    /// A kernel parameter.
    Parameter(PathBuf),
    /// Whether all processes of a control group stand still.
    Processes(PathBuf),
    /// The packet filter's rules.
    Firewall,
    /// The kernel's audit rules.
    Audit,
    /// The wall clock.
    Clock,
}

/// What happened to an entry of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// Something was written into it.
    Content,
    /// It came, went, or has another owner or mode.
    Place,
}

/// What matters at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// What stands there, be it a link.
    Itself,
    /// Where it leads.
    Target,
    /// Where it leads, and what is written there.
    Content,
}

/// How the file system is laid out now, as far as it says what to watch.
pub trait Layout {
    /// Where the link at `path` leads; none where no link is.
    fn link(&self, path: &Path) -> Option<PathBuf>;
    /// `path` and the directories below it, those behind links left out; none where it is no directory.
    fn directories(&self, path: &Path) -> Vec<PathBuf>;
}

/// What to watch and to listen for, and which facts each is about.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Interests {
    directories: BTreeMap<PathBuf, Directory>,
    stirs: BTreeMap<Stir, BTreeSet<FactId>>,
    every: BTreeMap<FactId, Duration>,
}

/// One directory to watch.
#[derive(Debug, Default, PartialEq, Eq)]
struct Directory {
    itself: BTreeSet<FactId>,
    any: Entry,
    named: BTreeMap<OsString, Entry>,
}

/// The facts about an entry. Those about its content are about its place too.
#[derive(Debug, Default, PartialEq, Eq)]
struct Entry {
    place: BTreeSet<FactId>,
    content: BTreeSet<FactId>,
}

/// What to ask the kernel for in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mask {
    /// Its entries matter, and not only it itself.
    pub entries: bool,
    /// What is written into them matters too.
    pub content: bool,
}

impl Interests {
    /// Those of facts that hang on these inputs.
    pub fn of(wanted: &[(FactId, Vec<Input>)], layout: &dyn Layout) -> Self {
        let mut interests = Self::default();
        for (fact, inputs) in wanted {
            for input in inputs {
                interests.take(fact, input, layout);
            }
        }
        interests
    }

    /// Takes what these facts hang on now in the place of what they hung on before; all others are left as they are.
    pub fn renew(&mut self, changed: &[(FactId, Vec<Input>)], layout: &dyn Layout) {
        let stays = |fact: &FactId| changed.iter().all(|(renewed, _)| renewed != fact);
        self.directories.retain(|_, directory| {
            directory.itself.retain(stays);
            directory.any.retain(stays);
            directory.named.retain(|_, entry| {
                entry.retain(stays);
                !entry.is_empty()
            });
            !(directory.itself.is_empty() && directory.any.is_empty() && directory.named.is_empty())
        });
        self.stirs.retain(|_, facts| {
            facts.retain(stays);
            !facts.is_empty()
        });
        self.every.retain(|fact, _| stays(fact));
        for (fact, inputs) in changed {
            for input in inputs {
                self.take(fact, input, layout);
            }
        }
    }

    fn take(&mut self, fact: &FactId, input: &Input, layout: &dyn Layout) {
        match input {
            Input::Place(path) => drop(self.way(fact, path, End::Itself, layout)),
            Input::File(path) => drop(self.way(fact, path, End::Content, layout)),
            Input::Directory(path) => {
                self.way(fact, path, End::Itself, layout);
                self.directory(path).itself.insert(fact.clone());
            }
            Input::Entries(path) => {
                let real = self.way(fact, path, End::Target, layout);
                self.directory(&real).any.of(Touch::Content).insert(fact.clone());
            }
            Input::Places(path) => self.below(fact, path, Touch::Place, layout),
            Input::Files(path) => self.below(fact, path, Touch::Content, layout),
            Input::Unit(name) => self.stir(fact, Stir::Unit(name.clone())),
            Input::Units => self.stir(fact, Stir::Units),
            Input::Mounts => self.stir(fact, Stir::Mounts),
            Input::Swaps => self.stir(fact, Stir::Swaps),
            Input::Sockets => self.stir(fact, Stir::Sockets),
            Input::Parameter(path) => self.stir(fact, Stir::Parameter(path.clone())),
            Input::Processes(listed) => self.stir(fact, Stir::Processes(listed.clone())),
            Input::Firewall => self.stir(fact, Stir::Firewall),
            Input::Audit => self.stir(fact, Stir::Audit),
            Input::Clock => self.stir(fact, Stir::Clock),
            Input::Every(period) => {
                let most_often = self.every.entry(fact.clone()).or_insert(*period);
                *most_often = (*most_often).min(*period);
            }
        }
    }

    /// Watches for every part of the way to `path`: a directory that comes later, or is put in another's place, is noticed as much as the file itself.
    /// Gives the path without links in it.
    fn way(&mut self, fact: &FactId, path: &Path, end: End, layout: &dyn Layout) -> PathBuf {
        let mut rest: VecDeque<OsString> = parts(path).collect();
        let mut at = PathBuf::from("/");
        let mut links = 0;
        while let Some(part) = rest.pop_front() {
            if part == ".." {
                at.pop();
                continue;
            }
            let content = rest.is_empty() && end == End::Content;
            let here = if content { Touch::Content } else { Touch::Place };
            let entry = self.directory(&at).named.entry(part.clone()).or_default();
            entry.of(here).insert(fact.clone());
            let next = at.join(&part);
            let follows = !rest.is_empty() || end != End::Itself;
            match layout.link(&next).filter(|_| follows && links < LINKS_MAX) {
                Some(target) => {
                    links += 1;
                    if target.is_absolute() {
                        at = PathBuf::from("/");
                    }
                    for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
                        rest.push_front(part);
                    }
                }
                None => at = next,
            }
        }
        at
    }

    fn below(&mut self, fact: &FactId, path: &Path, touch: Touch, layout: &dyn Layout) {
        let real = self.way(fact, path, End::Target, layout);
        for directory in layout.directories(&real) {
            self.directory(&directory).any.of(touch).insert(fact.clone());
        }
    }

    fn directory(&mut self, path: &Path) -> &mut Directory {
        self.directories.entry(path.to_owned()).or_default()
    }

    fn stir(&mut self, fact: &FactId, stir: Stir) {
        self.stirs.entry(stir).or_default().insert(fact.clone());
    }

    /// Leaves out the directories that `is_wanted` does not want.
    pub fn retain_directories(&mut self, is_wanted: impl Fn(&Path) -> bool) {
        self.directories.retain(|path, _| is_wanted(path));
    }

    /// The directories to watch.
    pub fn directories(&self) -> impl Iterator<Item = (&Path, Mask)> {
        self.directories.iter().map(|(path, directory)| {
            let all = || directory.named.values().chain([&directory.any]);
            let content = all().any(|entry| !entry.content.is_empty());
            let entries = content || all().any(|entry| !entry.place.is_empty());
            (path.as_path(), Mask { entries, content })
        })
    }

    /// The facts that an event in `directory` is about: on its entry `name`, or on itself.
    pub fn facts(&self, directory: &Path, name: Option<&OsStr>, touch: Touch) -> BTreeSet<FactId> {
        let Some(directory) = self.directories.get(directory) else { return BTreeSet::new() };
        match name {
            None => directory.itself.clone(),
            Some(name) => {
                let entries = [Some(&directory.any), directory.named.get(name)];
                entries.into_iter().flatten().flat_map(|entry| entry.facts(touch)).cloned().collect()
            }
        }
    }

    /// All facts that depend on anything in `directory`.
    pub fn all_facts(&self, directory: &Path) -> BTreeSet<FactId> {
        let directory = self.directories.get(directory).into_iter();
        let facts = directory.flat_map(|d| {
            let entries = d.named.values().chain([&d.any]).flat_map(|entry| entry.facts(Touch::Place));
            entries.chain(&d.itself)
        });
        facts.cloned().collect()
    }

    /// The facts that `stir` is about.
    pub fn stirred(&self, stir: &Stir) -> impl Iterator<Item = &FactId> {
        self.stirs.get(stir).into_iter().flatten()
    }

    /// What to listen for, beside files.
    pub fn stirs(&self) -> impl Iterator<Item = &Stir> {
        self.stirs.keys()
    }

    /// The facts that are looked at again without any event, and how often.
    pub const fn every(&self) -> &BTreeMap<FactId, Duration> {
        &self.every
    }
}

impl Entry {
    const fn of(&mut self, touch: Touch) -> &mut BTreeSet<FactId> {
        match touch {
            Touch::Content => &mut self.content,
            Touch::Place => &mut self.place,
        }
    }

    fn retain(&mut self, stays: impl Fn(&FactId) -> bool) {
        self.place.retain(&stays);
        self.content.retain(&stays);
    }

    fn is_empty(&self) -> bool {
        self.place.is_empty() && self.content.is_empty()
    }

    fn facts(&self, touch: Touch) -> impl Iterator<Item = &FactId> {
        let place = match touch {
            Touch::Content => None,
            Touch::Place => Some(&self.place),
        };
        self.content.iter().chain(place.into_iter().flatten())
    }
}

fn parts(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

#[cfg(test)]
mod tests;
