//! Honest synthetic kits, for tests of whatever reads kits. Behind the feature `sample`: no program of ours has it.
//!
//! The same [`Recipe`] makes the same bytes everywhere and always. All keys follow from its seed, so a test can also sign what an attacker with a
//! stolen key would sign.

mod heads;
mod keys;
mod log;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use contract::digest::Digest;
use contract::exception::Person;
use contract::ids::{HostId, SiteId, TenantId};
use contract::time::UtcTime;
use tlog::tile::Tile;
use tlog::{SigningKey, TreeSize};

pub use keys::Keys;
pub use log::SampleLog;

use super::found::Found;
use super::{Cover, Export, Kit, Log, Period, Source, SourceError, Survey, pages, survey};

/// A verifier in a browser is not what these kits are for: a page that says so stands in for it.
const NO_PAGE: &str = "<!doctype html><title>Suture</title><p>A sample kit holds no verifier.</p>\n";

/// The length of a record in the bulk of a sample, unless the recipe says otherwise.
const RECORD_BYTES: usize = 600;

/// What kit to make. [`Recipe::default`] is one host with 600 records, all in the period, witnessed by the hub.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// Everything random follows from it: keys, ids of hosts, the text of records.
    pub seed: u64,
    /// Whose kit it is.
    pub tenant: TenantId,
    /// How many hosts: two to a site.
    pub hosts: u32,
    /// Records of each host's log.
    pub records: u64,
    /// The time of the first record.
    pub begins: UtcTime,
    /// From one record to the next, in milliseconds.
    pub spacing_ms: u64,
    /// The kit's period; none for all that there is, from the first record's day on.
    pub period: Option<(UtcTime, UtcTime)>,
    /// At which index each log's key is rotated, ascending: `key_named` there, `key_taken` next.
    pub rotations: Vec<u64>,
    /// Whether the hub cosigned the heads.
    pub witnessed: bool,
    /// Whether there is a log of heads that an outside witness cosigned, with a proof in the kit.
    pub heads: bool,
    /// How many records at the end of each log nobody outside vouches for: with `heads`, what the proof leaves out; without, all or nothing.
    pub tail: u64,
    /// The length of most records, in bytes, at least 400.
    pub record_bytes: usize,
}

impl Default for Recipe {
    fn default() -> Self {
        let (tenant, begins) = (parsed("clinic-7"), parsed_time("2026-10-01T00:00:00.000Z"));
        Self {
            seed: 1,
            tenant,
            hosts: 1,
            records: 600,
            begins,
            spacing_ms: 60_000,
            period: None,
            rotations: Vec::new(),
            witnessed: true,
            heads: false,
            tail: 0,
            record_bytes: RECORD_BYTES,
        }
    }
}

impl Recipe {
    /// The time of the record at `index`.
    fn time(&self, index: u64) -> UtcTime {
        self.begins.plus_ms(self.spacing_ms.saturating_mul(index))
    }

    /// When the kit is made: a day after the last record. Heads are cosigned afresh then (docs/evidence-format.md §8), so that nothing later can
    /// have been kept back.
    fn exported(&self) -> UtcTime {
        self.time(self.records).plus_ms(86_400_000)
    }
}

/// A kit with all that a verifier would be handed from outside, and all that an attacker would love to have.
#[derive(Debug)]
pub struct Sample {
    /// The kit.
    pub kit: Kit,
    /// Its zip.
    pub zip: Vec<u8>,
    /// The logs behind it, whole, with every key that ever signed them.
    pub logs: Vec<SampleLog>,
    /// The hub's keys and the outside witness's.
    pub keys: Keys,
    /// A key of each log that the kit can be verified with, a line each: its first, or its last where the kit does not hold every hand-over.
    pub log_keys: String,
    /// A `tlog-policy`: the same keys, the witnesses, and a quorum that the kit satisfies as far as its tail.
    pub policy: String,
    /// For each log, a key log (§6) of all its keys, by host.
    pub key_logs: BTreeMap<HostId, String>,
    /// The heads, as somebody wrote them down from a postcard: three lines for each log.
    pub heads: Vec<String>,
}

/// Why a recipe makes no kit.
#[derive(Debug, thiserror::Error)]
#[error("this recipe makes no kit: {0}")]
pub struct BadRecipe(pub String);

fn bad(why: &dyn std::fmt::Display) -> BadRecipe {
    BadRecipe(why.to_string())
}

/// Makes the kit of a recipe.
pub fn make(recipe: &Recipe) -> Result<Sample, BadRecipe> {
    let keys = Keys::of(recipe.seed)?;
    let logs = (0..recipe.hosts).map(|n| SampleLog::make(recipe, n)).collect::<Result<Vec<_>, _>>()?;
    let period = period(recipe)?;
    let mut source = Logs(&logs);
    let (mut chosen, mut facts) = (Vec::new(), Vec::new());
    for log in &logs {
        let mut found = Found::new(log.host.clone(), log.site.clone(), period);
        let visit = |index, time, entry: &[u8]| found.visit(index, time, entry);
        let survey = survey(&mut source, &log.host, log.size(), period, visit).map_err(|e| bad(&e))?;
        let note = log.head(recipe, &keys)?;
        let Survey { first, end, .. } = survey;
        chosen.push(Log { host: log.host.clone(), site: log.site.clone(), note, first, end });
        facts.push(pages::LogFacts { found, survey, origin: log.origin.to_string(), size: log.size().get() });
    }
    let by = Person::try_from("Sample Exporter".to_owned()).map_err(|e| bad(&e))?;
    let export = Export { id: format!("e-{:016x}", recipe.seed), by, time: recipe.exported() };
    let cover = Cover { tenant: recipe.tenant.clone(), period, export };
    let held = baselines();
    let mut documents = pages::of_records(&cover, &facts, &held).map_err(|e| bad(&e))?;
    documents.insert("verify.html".to_owned(), NO_PAGE.as_bytes().to_vec());
    if recipe.heads {
        documents.extend(heads::proofs(recipe, &logs, &keys)?);
    }
    let kit = Kit::seal(&cover, chosen, documents, &keys.kits).map_err(|e| bad(&e))?;
    let mut zip = Vec::new();
    kit.write(&mut source, &mut zip).map_err(|e| bad(&e))?;
    handed_over(recipe, kit, zip, logs, keys)
}

fn period(recipe: &Recipe) -> Result<Period, BadRecipe> {
    let after = recipe.begins.plus_ms(recipe.spacing_ms.saturating_mul(recipe.records) + 1);
    let (from, to) = recipe.period.unwrap_or((recipe.begins, after));
    Period::new(from, to).ok_or_else(|| bad(&"the period ends before it begins"))
}

/// What goes to the verifier beside the kit.
fn handed_over(
    recipe: &Recipe,
    kit: Kit,
    zip: Vec<u8>,
    logs: Vec<SampleLog>,
    keys: Keys,
) -> Result<Sample, BadRecipe> {
    let known = |log: &SampleLog| {
        let in_kit =
            kit.logs().find(|(there, _)| there.host == log.host).map(|(there, _)| there.first..there.end);
        log.key_for(in_kit.unwrap_or_default()).to_string()
    };
    let known: Vec<String> = logs.iter().map(known).collect();
    let log_keys = known.iter().flat_map(|key| [key, "\n"]).collect::<String>();
    let policy = policy(recipe, &known, &keys);
    let key_logs = logs.iter().map(|log| (log.host.clone(), log.key_log())).collect();
    let heads = logs
        .iter()
        .map(|log| Ok(log.checkpoint(log.size())?.to_string()))
        .collect::<Result<_, BadRecipe>>()?;
    Ok(Sample { kit, zip, logs, keys, log_keys, policy, key_logs, heads })
}

fn policy(recipe: &Recipe, log_keys: &[String], keys: &Keys) -> String {
    let logs: String = log_keys.iter().flat_map(|key| ["log ", key, "\n"]).collect();
    let hub = format!("witness hub {}\n", keys.witness.verifier());
    let outside = format!("witness outside {}\n", keys.outside.verifier());
    let counts_hub = recipe.witnessed && recipe.tail == 0;
    let rest = match (recipe.heads, counts_hub) {
        (false, _) => "quorum hub\n",
        (true, false) => "quorum outside\n",
        (true, true) => "group both all hub outside\nquorum both\n",
    };
    format!("{logs}{hub}{outside}{rest}")
}

/// The first of a sample's two baselines, as its hub would have signed it. The second is one that the exporter lost.
fn baselines() -> BTreeMap<Digest, Vec<u8>> {
    let signer = contract::dsse::HubSigner::from_seed(&drawn(0, "orders"));
    let envelope = signer.sign(contract::dsse::PayloadType::Baseline, b"baseline 1");
    BTreeMap::from([(Digest::of(b"baseline 1"), envelope)])
}

/// The whole logs, as a source of tiles.
struct Logs<'a>(&'a [SampleLog]);

impl Source for Logs<'_> {
    fn tile(&mut self, host: &HostId, tile: Tile) -> Result<Vec<u8>, SourceError> {
        let log = self.0.iter().find(|log| log.host == *host).ok_or("no such host")?;
        Ok(log.tile(tile).ok_or("no such tile")?)
    }
}

/// The site of the host number `n`.
fn site_of(n: u32) -> SiteId {
    parsed(&format!("site-{}", n / 2 + 1))
}

fn parsed<T>(text: &str) -> T
where
    T: std::str::FromStr,
    T::Err: std::fmt::Debug,
{
    #[expect(clippy::unwrap_used, reason = "every text handed in is written in this module, and is one")]
    text.parse().unwrap()
}

fn parsed_time(text: &str) -> UtcTime {
    parsed(text)
}

/// Thirty-two bytes that follow from a seed and a name.
fn drawn(seed: u64, name: &str) -> [u8; 32] {
    *contract::digest::Digest::of(format!("suture sample {seed} {name}").as_bytes()).as_bytes()
}

fn key(name: &str, kind: tlog::note::SignatureType, seed: &[u8; 32]) -> Result<SigningKey, BadRecipe> {
    SigningKey::from_seed(name.parse().map_err(|e| bad(&e))?, kind, seed).map_err(|e| bad(&e))
}

/// A size that is no larger than the log's.
fn without_tail(log: &SampleLog, tail: u64) -> TreeSize {
    TreeSize::new(log.size().get().saturating_sub(tail))
}
