//! The documents of a kit: those that follow from its records, and the shapes of those that the hub adds.
//!
//! JSON is written indented, since it is read by people, with its keys in one order, since the same export has the same bytes. A list that nobody
//! keeps says so: [`Listed::NotRecorded`] is not an empty list.

mod custodian;
mod readme;

use std::collections::{BTreeMap, BTreeSet};

use contract::digest::{Digest, hex};
use contract::time::UtcTime;
use serde::Serialize;

use super::found::{BaselineSeen, ExceptedSeen, Found, GapSeen, KeySeen};
use super::{Cover, Survey};

/// What the documents need to know of one log.
#[derive(Debug, Clone)]
pub struct LogFacts {
    /// What its records say.
    pub found: Found,
    /// Which part of it is in the kit.
    pub survey: Survey,
    /// Its origin.
    pub origin: String,
    /// The size of the pinned head.
    pub size: u64,
}

/// A list, or why there is none.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Listed<T> {
    /// All there is. Empty means that nothing happened.
    Recorded(Vec<T>),
    /// Nobody keeps such a list; why.
    NotRecorded(String),
}

impl<T> Listed<T> {
    /// A list that is not kept.
    pub fn not_recorded(why: &str) -> Self {
        Self::NotRecorded(why.to_owned())
    }
}

/// A document as JSON: indented, and ended by a newline.
pub fn json(page: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    // A value keeps its keys in order, whatever the order of a struct's fields.
    let mut bytes = serde_json::to_vec_pretty(&serde_json::to_value(page)?)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Where the bytes of a baseline stand in a kit.
pub fn baseline_name(digest: &Digest) -> String {
    format!("documents/baseline/{}.dsse", hex(digest.as_bytes()))
}

/// The documents that follow from the records alone, by name. The others are there too, and say that nobody keeps what they would list: whoever
/// does, replaces them.
///
/// `held` are the signed baselines that the exporter still has; those that were in force in the period go into the kit.
pub fn of_records(
    cover: &Cover,
    logs: &[LogFacts],
    held: &BTreeMap<Digest, Vec<u8>>,
) -> Result<BTreeMap<String, Vec<u8>>, serde_json::Error> {
    let unknown = || Listed::<()>::not_recorded("whoever made this kit has no such list");
    let wanted: BTreeSet<Digest> = logs.iter().flat_map(|log| log.found.baselines_in_force()).collect();
    let missing = wanted.iter().filter(|digest| !held.contains_key(digest)).copied().collect();
    let mut documents = BTreeMap::from([
        ("README.txt".to_owned(), readme::text(cover, logs).into_bytes()),
        ("custodian.txt".to_owned(), custodian::text(cover, logs).into_bytes()),
        ("documents/gaps.json".to_owned(), json(&gaps(logs))?),
        ("documents/baseline.json".to_owned(), json(&baseline(logs, missing))?),
        ("documents/keys.json".to_owned(), json(&keys(logs))?),
        ("documents/exceptions.json".to_owned(), json(&unknown())?),
        ("documents/human-actions.json".to_owned(), json(&unknown())?),
        ("documents/disclosures.json".to_owned(), json(&unknown())?),
    ]);
    let there = wanted.iter().filter_map(|digest| Some((baseline_name(digest), held.get(digest)?.clone())));
    documents.extend(there);
    Ok(documents)
}

/// A document with one entry for each log.
#[derive(Serialize)]
struct Page<T> {
    about: &'static str,
    logs: Vec<T>,
}

#[derive(Serialize)]
struct GapsOfLog<'a> {
    host: &'a str,
    site: &'a str,
    records_in_period: u64,
    first_record: Option<u64>,
    last_record: Option<u64>,
    first_time: Option<UtcTime>,
    last_time: Option<UtcTime>,
    /// Records in the whole log whose clock stood earlier than that of the record before them.
    clock_went_back: u64,
    clock_first_went_back_at: Option<u64>,
    no_records_in_period: Option<&'static str>,
    gaps: &'a [GapSeen],
}

fn gaps(logs: &[LogFacts]) -> Page<GapsOfLog<'_>> {
    let page = |log| {
        let LogFacts { found, survey, .. }: &LogFacts = log;
        GapsOfLog {
            host: found.host().as_str(),
            site: found.site().as_str(),
            records_in_period: survey.records,
            first_record: survey.bounds.map(|(first, _)| first),
            last_record: survey.bounds.map(|(_, last)| last),
            first_time: found.times.map(|(first, _)| first),
            last_time: found.times.map(|(_, last)| last),
            clock_went_back: survey.steps_back,
            clock_first_went_back_at: survey.first_step_back,
            no_records_in_period: (survey.records == 0).then_some(
                "this machine's log holds no record of the period: nothing is known of it then, good or bad",
            ),
            gaps: &found.gaps,
        }
    };
    Page {
        about: "What was not observed or not kept in the period, as the logs themselves say it (records of the kinds gap, recovered and \
                restored). Machines without any log are in disclosures.json. What nobody noticed is nowhere.",
        logs: logs.iter().map(page).collect(),
    }
}

#[derive(Serialize)]
struct Baselines<'a> {
    host: &'a str,
    site: &'a str,
    history: &'a [BaselineSeen],
}

#[derive(Serialize)]
struct BaselinePage<'a> {
    about: &'static str,
    /// In force in the period, and not held by the exporter any more.
    not_in_the_kit: Vec<Digest>,
    logs: Vec<Baselines<'a>>,
}

fn baseline(logs: &[LogFacts], missing: Vec<Digest>) -> BaselinePage<'_> {
    let page = |log| {
        let LogFacts { found, .. }: &LogFacts = log;
        Baselines { host: found.host().as_str(), site: found.site().as_str(), history: &found.baselines }
    };
    BaselinePage {
        about: "By which baseline each machine was measured, from which record on, over its whole log: every change of the digest that the \
                records name. Those in force in the period are in documents/baseline/, signed by the hub and named by their digest, where the \
                exporter still holds them.",
        not_in_the_kit: missing,
        logs: logs.iter().map(page).collect(),
    }
}

/// The controls that failed under an exception, as the records of the period say it.
pub fn excepted(logs: &[LogFacts]) -> impl Serialize {
    let page = |log| {
        let LogFacts { found, .. }: &LogFacts = log;
        Excepted {
            host: found.host().to_string(),
            site: found.site().to_string(),
            controls: found.excepted.clone(),
        }
    };
    logs.iter().map(page).collect::<Vec<_>>()
}

#[derive(Serialize)]
struct Excepted {
    host: String,
    site: String,
    controls: BTreeMap<String, ExceptedSeen>,
}

#[derive(Serialize)]
struct KeysOfLog<'a> {
    host: &'a str,
    site: &'a str,
    origin: &'a str,
    keys: &'a [KeySeen],
}

fn keys(logs: &[LogFacts]) -> Page<KeysOfLog<'_>> {
    let page = |log| {
        let LogFacts { found, origin, .. }: &LogFacts = log;
        KeysOfLog { host: found.host().as_str(), site: found.site().as_str(), origin, keys: &found.keys }
    };
    Page {
        about: "The keys of each log as its own records name them. For reading only: a key that comes out of the kit proves nothing about the \
                kit. Bring the key from the site's installation sheet.",
        logs: logs.iter().map(page).collect(),
    }
}
