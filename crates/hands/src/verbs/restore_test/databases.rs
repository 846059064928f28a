//! Whether a restored database is whole. Each kind is known by how its file begins; one of an unknown kind is refused, never passed.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use contract::resource::AbsolutePath;

use super::scratch::Scratch;
use crate::{HandError, Place, Program};

/// Where Debian keeps `PostgreSQL`'s own programs: what lies in `/usr/bin` is a script.
const POSTGRESQL: &str = "/usr/lib/postgresql";
/// The last line of `pg_dump`'s plain output; some versions write a few more after it.
const TRAILER: &[u8] = b"-- PostgreSQL database dump complete";
const TAIL_BYTES: i64 = 4096;
const HEAD_BYTES: u64 = 256;

/// Opens and checks each. Returns how many are whole.
pub(super) fn check(
    databases: &[AbsolutePath],
    scratch: &Scratch,
    place: &Place<'_>,
) -> Result<u64, HandError> {
    let mut whole = 0;
    for database in databases {
        place.go_on()?;
        let live = Path::new(database.as_str());
        let restored = scratch
            .open(live)
            .map_err(|_| HandError::NotAsDeclared { what: "a database is not in the snapshot" })?;
        let path = scratch.at(live);
        let mut file = File::from(restored);
        let mut head = Vec::new();
        (&mut file).take(HEAD_BYTES).read_to_end(&mut head).map_err(HandError::file(&path, "read it"))?;
        if head.starts_with(b"SQLite format 3\0") {
            sqlite(&path, scratch, place)?;
        } else if head.starts_with(b"PGDMP") {
            custom_dump(&path, place)?;
        } else if contains(&head, b"-- PostgreSQL database dump") {
            plain_dump(&path, &mut file)?;
        } else {
            return Err(HandError::NotAsDeclared {
                what: "a database cannot be checked: it is neither SQLite's nor a dump of PostgreSQL's, or its beginning is lost",
            });
        }
        whole += 1;
    }
    Ok(whole)
}

const fn not_whole() -> HandError {
    HandError::NotAsDeclared { what: "a database in the snapshot is not whole" }
}

/// `PRAGMA integrity_check` reads every page. It may write beside the file (a journal that was backed up with it is applied): to the restored copy.
fn sqlite(path: &Path, scratch: &Scratch, place: &Place<'_>) -> Result<(), HandError> {
    let file = path.to_string_lossy();
    let program = Program {
        writes: vec![scratch.path().to_owned()],
        capabilities: vec!["CAP_DAC_OVERRIDE"],
        time_limit_ms: place.left_ms(),
        ..Program::named("sqlite3", &["-batch", "-init", "/dev/null", &file, "PRAGMA integrity_check;"])?
    };
    let ran = place.programs.run(&program)?;
    if ran.status == Some(0) && ran.output.trim_ascii() == b"ok" { Ok(()) } else { Err(not_whole()) }
}

/// Turned into a script that nobody keeps: that reads and unpacks all of it, which `--list` does not.
fn custom_dump(path: &Path, place: &Place<'_>) -> Result<(), HandError> {
    let file = path.to_string_lossy();
    let program = Program {
        path: pg_restore()?,
        reads: vec![path.to_owned()],
        capabilities: vec!["CAP_DAC_READ_SEARCH"],
        time_limit_ms: place.left_ms(),
        ..Program::of_the_system("", &["--file=/dev/null", &file])
    };
    if place.programs.run(&program)?.status == Some(0) { Ok(()) } else { Err(not_whole()) }
}

/// The newest: each reads the dumps of those before it.
fn pg_restore() -> Result<PathBuf, HandError> {
    let versions = std::fs::read_dir(POSTGRESQL).into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin/pg_restore")))
        })
        .filter(|(_, program)| program.is_file())
        .max();
    match newest {
        Some((_, program)) => program.canonicalize().map_err(HandError::file(&program, "look at it")),
        None => Program::find("pg_restore"),
    }
}

/// `pg_dump` writes its last line last: a dump without it was cut off.
fn plain_dump(path: &Path, file: &mut File) -> Result<(), HandError> {
    let length = file.seek(SeekFrom::End(0)).map_err(HandError::file(path, "read it"))?;
    let back = TAIL_BYTES.min(i64::try_from(length).unwrap_or(TAIL_BYTES));
    file.seek(SeekFrom::End(-back)).map_err(HandError::file(path, "read it"))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).map_err(HandError::file(path, "read it"))?;
    if contains(&tail, TRAILER) { Ok(()) } else { Err(not_whole()) }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
