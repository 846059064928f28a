//! How fast records become durable, beside the disk itself and `SQLite`, and how fast a long log opens.
//!
//! `cargo run --release -p evidence --example bench_append -- <directory on the disk to measure> [entries of the long log]`. Read ratios rather than
//! rates: machines differ, and disks are noisy, so everything is measured in turns and the median of the turns is shown.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made ends there")]

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Instant;

use contract::record::{Body, Digests, Recovered};
use contract::time::{ClockOffset, UtcTime};
use evidence::shared::SharedLog;
use evidence::{Draft, LogWriter};
use tlog::hash::{Hash, leaf_hash};
use tlog::note::{SignatureType, SigningKey};
use tlog::tile::{TILE_HEIGHT, TILE_WIDTH, Tile, TileKind, bundle};
use tlog::{Checkpoint, CompactRange};

const TURNS: usize = 7;
/// Appends in a turn: several bundles, so that moving full ones is part of it.
const APPENDS: u64 = 1024;
const WRITERS: u64 = 64;

fn key() -> SigningKey {
    SigningKey::from_seed("hub.example/h-1".parse().unwrap(), SignatureType::Ed25519, &[3; 32]).unwrap()
}

/// A record of about 600 bytes.
fn draft(n: u64) -> Draft {
    Draft {
        time: UtcTime::from_unix_ms(1_790_000_000_000 + i64::try_from(n).unwrap()).unwrap(),
        clock: ClockOffset::Unknown,
        subject: "log".into(),
        digests: Digests::default(),
        body: Body::Recovered(Recovered {
            torn_bytes: n,
            unfinished: (0..8)
                .map(|i| format!("01900000-0000-7000-8000-0000000000{i:02}").parse().unwrap())
                .collect(),
        }),
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().unwrap_or_else(|| ".".to_owned());
    let entries = arguments.next().map_or(5_000_000, |n| n.parse().unwrap());
    let scratch = tempfile::tempdir_in(&place).unwrap();
    appends(scratch.path());
    let long = tempfile::tempdir_in(&place).unwrap();
    opening(long.path(), entries);
}

/// Times of one kind, in operations per second.
struct Rates(Vec<f64>);

impl Rates {
    fn turn(&mut self, operations: u64, run: impl FnOnce()) {
        let began = Instant::now();
        run();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        self.0.push(operations as f64 / began.elapsed().as_secs_f64());
    }

    fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }
}

fn row(what: &str, rate: f64, beside: &str) {
    println!("  {what:<58} {rate:>12.0}/s   {beside}");
}

fn appends(scratch: &Path) {
    let (mut log, _) = LogWriter::open(&scratch.join("log"), key(), |_| ()).unwrap();
    log.append(vec![draft(0)]).unwrap();
    let entry = log.package(0).unwrap().unwrap().entries.concat().len();
    println!("Durable appends: records of {entry} bytes, medians of {TURNS} turns");
    let shared_directory = scratch.join("shared");
    let (writer, _) = LogWriter::open(&shared_directory, key(), |_| ()).unwrap();
    let (shared, thread) = SharedLog::start(writer).unwrap();
    let sqlite = sqlite(&scratch.join("rows.sqlite"));
    let mut rates = [const { Rates(Vec::new()) }; 7];
    let [raw, over, one, many, rows, grouped, letter] = &mut rates;
    let bytes = vec![7; entry];
    for turn in 0..TURNS {
        let file = File::create_new(scratch.join(format!("raw-{turn}"))).unwrap();
        raw.turn(APPENDS, || append_raw(&file, &bytes));
        over.turn(APPENDS, || append_raw(&file, &bytes));
        letter.turn(APPENDS / 4, || as_three_syncs(scratch, &bytes, APPENDS / 4));
        one.turn(APPENDS, || (0..APPENDS).for_each(|n| drop(log.append(vec![draft(n)]).unwrap())));
        many.turn(WRITERS * APPENDS, || in_threads(&shared));
        rows.turn(APPENDS, || (0..APPENDS).for_each(|_| insert(&sqlite, 1, &bytes)));
        grouped.turn(WRITERS * APPENDS, || (0..APPENDS).for_each(|_| insert(&sqlite, WRITERS, &bytes)));
    }
    drop(thread.stop());
    let [raw, over, one, many, rows, grouped, letter] = rates.map(|r| r.median());
    let of = |rate: f64, whole: f64| format!("{:.0} % of it", 100.0 * rate / whole);
    row("the disk: append to a file and fdatasync", raw, "");
    row("the disk: overwrite what is there and fdatasync", over, "");
    row("one writer, each record durable under its own head", one, &format!("{} (bar: 90 %)", of(one, raw)));
    row("  as entry file, then head by rename: three syncs, no CPU", letter, &of(letter, raw));
    row(&format!("{WRITERS} writers"), many, &format!("{:.1} × one (bar: 20 ×)", many / one));
    row("SQLite, WAL, synchronous=FULL, one row each", rows, &format!("ours: {:.2} ×", one / rows));
    row(
        &format!("SQLite, the same, {WRITERS} rows in a transaction"),
        grouped,
        &format!("ours: {:.2} ×", many / grouped),
    );
}

fn append_raw(file: &File, bytes: &[u8]) {
    for n in 0..APPENDS {
        file.write_all_at(bytes, n * bytes.len() as u64).unwrap();
        file.sync_data().unwrap();
    }
}

/// What one durable head in a file of its own costs for each append.
fn as_three_syncs(scratch: &Path, bytes: &[u8], times: u64) {
    let directory = scratch.join("letter");
    fs::create_dir_all(&directory).unwrap();
    let mut entries = File::options().append(true).create(true).open(directory.join("entries")).unwrap();
    for _ in 0..times {
        entries.write_all(bytes).unwrap();
        entries.sync_data().unwrap();
        let mut head = File::create(directory.join("head.tmp")).unwrap();
        head.write_all(&bytes[..200]).unwrap();
        head.sync_all().unwrap();
        fs::rename(directory.join("head.tmp"), directory.join("head")).unwrap();
        File::open(&directory).unwrap().sync_all().unwrap();
    }
}

fn in_threads(log: &SharedLog) {
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| (0..APPENDS).for_each(|n| drop(log.append(vec![draft(n)]).unwrap())));
        }
    });
}

fn sqlite(path: &Path) -> rusqlite::Connection {
    let rows = rusqlite::Connection::open(path).unwrap();
    rows.pragma_update(None, "journal_mode", "wal").unwrap();
    rows.pragma_update(None, "synchronous", "full").unwrap();
    rows.execute("CREATE TABLE record (seq INTEGER PRIMARY KEY, entry BLOB NOT NULL)", []).unwrap();
    rows
}

fn insert(rows: &rusqlite::Connection, count: u64, bytes: &[u8]) {
    let transaction = rows.unchecked_transaction().unwrap();
    for _ in 0..count {
        let mut insert = transaction.prepare_cached("INSERT INTO record (entry) VALUES (?1)").unwrap();
        insert.execute([bytes]).unwrap();
    }
    transaction.commit().unwrap();
}

fn opening(directory: &Path, entries: u64) {
    let entries = entries - entries % u64::from(TILE_WIDTH);
    let began = Instant::now();
    lay_down(directory, entries);
    println!("Opening a log of {entries} records (laid down in {:.0} s)", began.elapsed().as_secs_f64());
    let mut times = Vec::new();
    let mut visited = 0;
    for _ in 0..TURNS {
        let began = Instant::now();
        let (log, recovery) = LogWriter::open(directory, key(), |_| visited += 1).unwrap();
        times.push(began.elapsed().as_secs_f64() * 1000.0);
        assert_eq!(recovery.size, entries);
        drop(log);
    }
    times.sort_by(f64::total_cmp);
    let visited = visited / TURNS;
    println!(
        "  median {:.1} ms, slowest {:.1} ms, {visited} records visited   bar: 100 ms",
        times[TURNS / 2],
        times[TURNS - 1]
    );
}

/// Writes a log as a writer would leave it, without its syncs: full bundles and tiles, a standing record 1 000 entries before the end.
fn lay_down(directory: &Path, entries: u64) {
    let (mut range, mut prev, mut full) = (CompactRange::new(), None, Vec::new());
    let mut levels: Vec<Vec<Hash>> = Vec::new();
    let put = |tile: Tile, bytes: &[u8]| {
        let path = directory.join(tile.to_string());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    for seq in 0..entries {
        let bytes = entry(seq, prev, seq + 1000 == entries);
        let leaf = leaf_hash(&bytes);
        bundle::append(&mut full, &bytes).unwrap();
        prev = Some(leaf);
        range.append_visiting(leaf, |subtree, hash| {
            if subtree.level % TILE_HEIGHT == 0 {
                let level = usize::from(subtree.level / TILE_HEIGHT);
                levels.resize(levels.len().max(level + 1), Vec::new());
                levels[level].push(hash);
            }
        });
        for (level, hashes) in (0u8..).zip(&mut levels) {
            if hashes.len() == usize::from(TILE_WIDTH) {
                let index = seq >> (TILE_HEIGHT * (level + 1));
                let tile = Tile::new(TileKind::Hashes { level }, index, TILE_WIDTH).unwrap();
                put(tile, &hashes.drain(..).flat_map(|h| *h.as_bytes()).collect::<Vec<_>>());
            }
        }
        if (seq + 1) % u64::from(TILE_WIDTH) == 0 {
            let index = seq / u64::from(TILE_WIDTH);
            put(Tile::new(TileKind::Entries, index, TILE_WIDTH).unwrap(), &std::mem::take(&mut full));
        }
    }
    let checkpoint =
        Checkpoint { origin: "hub.example/h-1".parse().unwrap(), size: range.size(), root: range.root() };
    let note = checkpoint.sign(&key()).unwrap().note().to_string();
    fs::create_dir(directory.join("writer")).unwrap();
    fs::write(directory.join("writer/keys"), format!("{}\n", key().verifier())).unwrap();
    fs::write(directory.join("writer/head"), &note).unwrap();
    fs::write(directory.join("checkpoint"), &note).unwrap();
}

/// The bytes of a record, standing or of another kind.
fn entry(seq: u64, prev: Option<Hash>, standing: bool) -> Vec<u8> {
    let prev = prev.map_or("null".to_owned(), |h| format!("\"{h}\""));
    let (details, kind) = if standing {
        (r#"{"answers":[],"failing":[],"highest_counter":0,"last_runs":[]}"#, "standing")
    } else {
        (r#"{"torn_bytes":0,"unfinished":[]}"#, "recovered")
    };
    format!(
        r#"{{"clock":"unknown","details":{details},"digests":{{}},"format":1,"kind":"{kind}","origin":"hub.example/h-1","prev":{prev},"seq":{seq},"subject":"log","time":"2026-11-21T00:00:00.000Z"}}"#
    )
    .into_bytes()
}
