//! How fast a long kit is verified: `cargo run --release -p verify --example bench_verify -- [records] [runs]`.
//!
//! Makes a log of that many records of about 600 bytes, without syncing, packs it into a kit, and verifies both in a process of their
//! own, so that its peak memory is the verifier's. Beside it stands the rate at which this machine hashes the very same bytes with the
//! same SHA-256, in the same process: on one core as one stream, and on as many cores as the verifier uses.

#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, io, thread};

use contract::ids::HostId;
use evidence::kit;
use sha2::{Digest as _, Sha256};
use tlog::note::{SignatureType, SigningKey};
use tlog::tile::{TILE_HEIGHT, Tile, TileKind, bundle};
use tlog::{Checkpoint, CompactRange, TreeSize, VerifierKey, leaf_hash};
use verify::{Directory, Kit, Progress, Trust, verify_with_progress};

const ORIGIN: &str = "hub.example/h-1";
const BLOCK: usize = 1 << 20;

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [mode, path, key] = arguments.as_slice()
        && mode.starts_with("--")
    {
        return measure(mode, Path::new(path), key);
    }
    let number = |at: usize, otherwise: u64| arguments.get(at).map_or(Ok(otherwise), |text| text.parse());
    let (records, runs) = (number(0, 1_000_000)?, number(1, 3)?);
    let scratch = tempfile::tempdir()?;
    let (log, packed) = (scratch.path().join("log"), scratch.path().join("kit.zip"));
    let key = SigningKey::from_seed(ORIGIN.parse()?, SignatureType::Ed25519, &[3; 32])?;
    let bytes = write_log(&log, records, &key)?;
    pack(&log, &packed)?;
    println!("{records} records, {} bytes each on average, {} cores", bytes / records, cores());
    for mode in ["--log", "--kit"] {
        for _ in 0..runs {
            let path = if mode == "--log" { &log } else { &packed };
            let key = key.verifier().to_string();
            let done = Command::new(env::current_exe()?).arg(mode).arg(path).arg(key).status()?;
            if !done.success() {
                return Err(format!("{mode} failed").into());
            }
        }
    }
    Ok(())
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// One measurement, in a process of its own.
fn measure(mode: &str, path: &Path, key: &str) -> Result<(), Failure> {
    let keys = vec![key.parse::<VerifierKey>()?];
    let trust = Trust { keys, ..Trust::default() };
    let mut read = 0;
    let mut progress = |progress: Progress| read = progress.read;
    let (began, worked) = (Instant::now(), cpu()?);
    let intact = if mode == "--kit" {
        Kit::new(path).verify(&trust, &mut progress)?.verdict.is_intact()
    } else {
        verify_with_progress(&Directory::new(path), &trust, &mut progress).verdict.is_intact()
    };
    let (took, worked) = (began.elapsed(), cpu()?.saturating_sub(worked));
    if !intact || read == 0 {
        return Err("what was made does not verify".into());
    }
    let peak = peak_kib()?;
    let kit = if mode == "--kit" { path.to_owned() } else { path.with_file_name("kit.zip") };
    let length = fs::metadata(&kit)?.len();
    let hashed = cpu()?;
    let one = raw(&kit, 1)?;
    let hashed = cpu()?.saturating_sub(hashed);
    let all = raw(&kit, cores())?;
    println!(
        "  {}: {:.2} s, {:.0} records/s, {:.0} MB/s, peak {:.1} MB",
        &mode[2..],
        took.as_secs_f64(),
        read as f64 / took.as_secs_f64(),
        rate(length, took),
        peak as f64 / 1024.0,
    );
    println!(
        "    raw SHA-256 of the same bytes: {:.0} MB/s on one core, {:.0} on all; so {:.0} % and {:.0} % of that",
        rate(length, one),
        rate(length, all),
        100.0 * one.as_secs_f64() / took.as_secs_f64(),
        100.0 * all.as_secs_f64() / took.as_secs_f64(),
    );
    println!(
        "    in processor time: {:.2} s to verify, {:.2} s to hash; so {:.0} % for each core",
        worked.as_secs_f64(),
        hashed.as_secs_f64(),
        100.0 * hashed.as_secs_f64() / worked.as_secs_f64(),
    );
    Ok(())
}

fn rate(bytes: u64, took: Duration) -> f64 {
    bytes as f64 / took.as_secs_f64() / 1e6
}

/// Hashes a file in as many streams; the time of the slowest, reading left out.
fn raw(path: &Path, streams: usize) -> Result<Duration, Failure> {
    let length = fs::metadata(path)?.len();
    let part = length.div_ceil(streams as u64);
    let hash = |stream: usize| -> io::Result<Duration> {
        let (file, mut block) = (File::open(path)?, vec![0; BLOCK]);
        let (mut sha, mut took) = (Sha256::new(), Duration::ZERO);
        let (mut at, end) = (part * stream as u64, length.min(part * (stream as u64 + 1)));
        while at < end {
            let wanted = usize::try_from(end - at).unwrap_or(BLOCK).min(BLOCK);
            let read = file.read_at(&mut block[..wanted], at)?;
            let began = Instant::now();
            sha.update(&block[..read]);
            took += began.elapsed();
            at += read as u64;
        }
        std::hint::black_box(sha.finalize());
        Ok(took)
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..streams).map(|stream| scope.spawn(move || hash(stream))).collect();
        let mut slowest = Duration::ZERO;
        for one in running {
            slowest = slowest.max(one.join().map_err(|_| "a stream broke off")??);
        }
        Ok(slowest)
    })
}

/// The processor time that this process and its threads have used. It counts what other processes on the machine cannot disturb.
fn cpu() -> Result<Duration, Failure> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name of the program ends in the last parenthesis; user and system time are the 14th and 15th fields, in hundredths of a second.
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).map_or(Ok(0), |ticks| ticks.parse::<u64>());
    Ok(Duration::from_millis(10 * (ticks(11)? + ticks(12)?)))
}

/// The most memory that this process has had resident, in KiB.
fn peak_kib() -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// One record, as an executor writes them: mostly a list of findings.
fn record(index: u64, prev: &str) -> String {
    let finding = |n: u64| {
        let control = 100 + (index + n) % 800;
        format!(
            r#"{{"control":"sample.control-{control}","fact":"own:evidence","verdict":{{"pass":{{"flag":true}}}}}}"#
        )
    };
    let findings: Vec<String> = (0..2).map(finding).collect();
    let (seconds, digest) = (index % 60, "5c81bda643c8df0253d501a9e6dcb25df5f7b12ea435028925f7083c3f8173f1");
    format!(
        concat!(
            r#"{{"clock":{{"synchronised_within_ms":3}},"details":{{"findings":[{}],"part":1,"parts":1,"#,
            r#""tally":{{"excepted":0,"fail":0,"not_assessed":0,"pass":3}},"trigger":"full_scan"}},"#,
            r#""digests":{{"baseline":"sha256:{}"}},"format":1,"kind":"findings","origin":"{}","#,
            r#""prev":{},"seq":{},"subject":"log","time":"2026-10-01T00:00:{:02}.000Z"}}"#
        ),
        findings.join(","),
        digest,
        ORIGIN,
        prev,
        index,
        seconds,
    )
}

/// Writes a log, and returns the bytes of its records.
fn write_log(directory: &Path, records: u64, key: &SigningKey) -> Result<u64, Failure> {
    let (mut tree, mut levels) = (CompactRange::new(), BTreeMap::<u8, Vec<u8>>::new());
    let (mut entries, mut prev, mut bytes) = (Vec::new(), "null".to_owned(), 0);
    let put = |kind, index: u64, width: u64, bytes: &[u8]| -> Result<(), Failure> {
        let path = directory.join(Tile::new(kind, index, u16::try_from(width)?)?.to_string());
        fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        Ok(fs::write(path, bytes)?)
    };
    for index in 0..records {
        let entry = record(index, &prev);
        bundle::append(&mut entries, entry.as_bytes())?;
        bytes += entry.len() as u64;
        let leaf = leaf_hash(entry.as_bytes());
        prev = format!("\"{leaf}\"");
        tree.append_visiting(leaf, |subtree, hash| {
            if subtree.level % TILE_HEIGHT == 0 {
                levels.entry(subtree.level / TILE_HEIGHT).or_default().extend(hash.as_bytes());
            }
        });
        if (index + 1) % 256 == 0 || index + 1 == records {
            put(TileKind::Entries, index / 256, index % 256 + 1, &entries)?;
            entries.clear();
        }
    }
    for (level, hashes) in levels {
        for (index, tile) in hashes.chunks(256 * 32).enumerate() {
            put(TileKind::Hashes { level }, index as u64, tile.len() as u64 / 32, tile)?;
        }
    }
    let head = Checkpoint { origin: ORIGIN.parse()?, size: tree.size(), root: tree.root() };
    fs::write(directory.join("checkpoint"), head.sign(key)?.into_note().to_string())?;
    Ok(bytes)
}

/// The log's directory as what a kit is made from.
struct Files<'a>(&'a Path);

impl kit::Source for Files<'_> {
    fn tile(&mut self, _: &HostId, tile: Tile) -> Result<Vec<u8>, kit::SourceError> {
        Ok(fs::read(self.0.join(tile.to_string()))?)
    }
}

fn pack(log: &Path, out: &Path) -> Result<(), Failure> {
    let note = fs::read_to_string(log.join("checkpoint"))?;
    let size = tlog::SignedNote::parse(note.as_bytes())?.text().parse::<Checkpoint>()?.size;
    let key = SigningKey::from_seed("hub.example/kits".parse()?, SignatureType::Ed25519, &[4; 32])?;
    let (from, to) = ("2026-10-01T00:00:00.000Z".parse()?, "2026-11-01T00:00:00.000Z".parse()?);
    let cover = kit::Cover {
        tenant: "clinic-7".parse()?,
        period: kit::Period::new(from, to).ok_or("no period")?,
        export: kit::Export { id: "e-1".to_owned(), by: "Bench".to_owned().try_into()?, time: to },
    };
    let (first, end) = (TreeSize::EMPTY.get(), size.get());
    let log_of_kit = kit::Log { host: "h-1".parse()?, site: "site-1".parse()?, note, first, end };
    let documents = BTreeMap::from([("README.txt".to_owned(), b"A bench.\n".to_vec())]);
    let sealed = kit::Kit::seal(&cover, vec![log_of_kit], documents, &key)?;
    sealed.write(&mut Files(log), io::BufWriter::with_capacity(BLOCK, File::create(out)?))?;
    Ok(())
}
