//! A detector's own samples, held to it: what must count does, what must not does not, by every way on which its lines come.

use contract::time::MonoNs;

use crate::capture::SiteKey;
use crate::definition::{By, Definition, Sample};
use crate::engine::Detectors;
use crate::fill::{DiskUse, Trends};
use crate::library::{BadDetectors, Library};
use crate::series;
use crate::source::{Program, Source};

/// A sample that does not do what its detector says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// The file.
    pub file: String,
    /// Where the sample stands.
    pub line: u64,
    /// The detector.
    pub detector: String,
    /// What is wrong.
    pub why: String,
}

/// What the samples of detectors came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// How many detectors.
    pub detectors: usize,
    /// How many samples.
    pub samples: usize,
    /// Those that did not do what they should.
    pub missed: Vec<Missed>,
}

/// Runs every sample of the detectors in `(file name, text)` pairs.
pub fn missed(files: &[(&str, &str)]) -> Result<Tried, BadDetectors> {
    let library = Library::parse(files)?;
    let bench = Bench { detectors: Detectors::new(Library::parse(files)?, key())? };
    let (mut missed, mut samples) = (Vec::new(), 0);
    for known in &library.each {
        let Definition { id, matches, ignores, .. } = &known.definition;
        let wanted = matches.iter().map(|s| (s, true)).chain(ignores.iter().map(|s| (s, false)));
        for (sample, must) in wanted {
            samples += 1;
            let wrong = bench.sample(&library, &known.definition, sample, must);
            missed.extend(wrong.map(|why| Missed {
                file: known.file.clone(),
                line: sample.line,
                detector: id.to_string(),
                why,
            }));
        }
    }
    Ok(Tried { detectors: library.each.len(), samples, missed })
}

fn key() -> SiteKey {
    SiteKey::new(&[0; 32])
}

struct Bench {
    detectors: Detectors,
}

impl Bench {
    /// What is wrong with one sample.
    fn sample(
        &self,
        library: &Library,
        definition: &Definition,
        sample: &Sample,
        must: bool,
    ) -> Option<String> {
        if definition.source.measured.is_some() {
            return measured(library, sample, must);
        }
        if sample.text.contains('\n') {
            return Some("it is more than one line".to_owned());
        }
        let place = library.place(&definition.id)?;
        for (name, line, source) in ways(definition, &sample.text) {
            let found = self.finds(place, line.as_bytes(), &source);
            if found != must {
                let did = if found { "it counts, and must not" } else { "it does not count, and must" };
                return Some(format!("{did}, as {name}: {}", sample.text));
            }
        }
        // What must count counts from nobody who only says that he is the program.
        let stranger = Source::Journal(None);
        let forged =
            must && !definition.source.everything && self.finds(place, sample.text.as_bytes(), &stranger);
        forged.then(|| "it counts though nobody vouches for the program".to_owned())
    }

    fn finds(&self, place: usize, line: &[u8], source: &Source<'_>) -> bool {
        self.detectors.matching(line, source).contains(&place)
    }
}

/// Every way on which a message of `definition` comes.
fn ways<'a>(definition: &'a Definition, message: &str) -> Vec<(String, String, Source<'a>)> {
    let heard = &definition.source;
    let mut ways = Vec::new();
    for program in &heard.programs {
        let by_root = match heard.by {
            By::Root => true,
            By::Anyone => false,
        };
        let teller = Program { name: program.as_bytes(), by_root };
        ways.push((format!("{program} in the journal"), message.to_owned(), Source::Journal(Some(teller))));
        let traditional = format!("Nov 21 06:20:01 host {program}[4711]: {message}");
        ways.push((format!("{program} in a syslog file"), traditional, Source::Syslog));
        let precise = format!("2026-11-21T06:20:01.123456+00:00 host {program}: {message}");
        ways.push((format!("{program} in a syslog file with precise times"), precise, Source::Syslog));
    }
    for file in &heard.files {
        ways.push((format!("a line of {file}"), message.to_owned(), Source::File(file)));
    }
    if heard.everything {
        ways.push(("any line".to_owned(), message.to_owned(), Source::Journal(None)));
    }
    ways
}

fn measured(library: &Library, sample: &Sample, must: bool) -> Option<String> {
    let Some(points) = series::parse(&sample.text) else {
        return Some("it is no series such as `0 min 70 %, 10 min 71.5 %`".to_owned());
    };
    let mut trends = Trends::of(library, key());
    let mut fired = false;
    for (seconds, used) in points {
        let disk = DiskUse { mount: b"/", used, size: 1_000_000 };
        fired |= !trends.measured(disk, MonoNs((seconds + 1) * 1_000_000_000)).is_empty();
    }
    let did = if fired { "it fires, and must not" } else { "it does not fire, and must" };
    (fired != must).then(|| format!("{did}: {}", sample.text))
}
