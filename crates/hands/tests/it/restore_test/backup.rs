//! A small clinic's data with a database, and a repository of restic's.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::here::Here;

/// Files in all, and databases among them.
pub(super) const FILES: u64 = 26;
pub(super) const DATABASES: u64 = 3;
/// The repository's password: it must turn up nowhere.
pub(super) const SECRET: &str = "hunter2-correct-horse";

pub(super) struct Backup {
    root: PathBuf,
}

impl Backup {
    pub(super) fn new(here: &Here) -> Self {
        let root = here.at("clinic");
        let backup = Self { root };
        fs::create_dir_all(backup.data().join("letters")).unwrap();
        for n in 0..20 {
            fs::write(backup.data().join(format!("letters/{n}.txt")), format!("letter {n}").repeat(50))
                .unwrap();
        }
        fs::write(backup.data().join("one.txt"), "one").unwrap();
        fs::write(backup.data().join("changes.txt"), "as it was").unwrap();
        fs::write(backup.data().join("scan.bin"), noise(2 << 20)).unwrap();
        let sql =
            "CREATE TABLE visit(id INTEGER PRIMARY KEY, note TEXT); CREATE INDEX by_note ON visit(note);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<2000)
            INSERT INTO visit SELECT i, 'note ' || i FROM n;";
        run(Command::new("sqlite3").arg(backup.data().join("clinic.db")).arg(sql));
        let body = "INSERT INTO visit VALUES (1);\n".repeat(500);
        let dump = format!(
            "--\n-- PostgreSQL database dump\n--\n{body}\n--\n-- PostgreSQL database dump complete\n--\n\n"
        );
        fs::write(backup.data().join("plain.sql"), dump).unwrap();
        // Made once, by `pg_dump --format=custom` of PostgreSQL 15, over a table of 400 rows.
        let archive = include_bytes!("../../data/custom.dump");
        fs::write(backup.data().join("custom.dump"), archive).unwrap();
        fs::write(
            backup.environment(),
            format!(
                "# for the restore test\nRESTIC_REPOSITORY={}\nRESTIC_PASSWORD={SECRET}\n",
                backup.repository().display()
            ),
        )
        .unwrap();
        fs::set_permissions(backup.environment(), fs::Permissions::from_mode(0o600)).unwrap();
        run(backup.restic().args(["init", "--quiet"]));
        backup
    }

    pub(super) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(super) fn repository(&self) -> PathBuf {
        self.root.join("repository")
    }

    pub(super) fn environment(&self) -> PathBuf {
        self.root.join("environment")
    }

    pub(super) fn stamp(&self) -> PathBuf {
        self.root.join("stamp")
    }

    fn restic(&self) -> Command {
        let mut command = Command::new("restic");
        command.arg("--no-cache").env("RESTIC_PASSWORD", SECRET).env("RESTIC_REPOSITORY", self.repository());
        command
    }

    pub(super) fn run(&self) {
        run(self.restic().args(["backup", "--quiet"]).arg(self.data()));
    }

    /// As another host that keeps its backup in the same repository.
    pub(super) fn run_as(&self, host: &str) {
        run(self.restic().args(["backup", "--quiet", "--host", host]).arg(self.data()));
    }

    /// Has the test call this machine by another name than the kernel does.
    pub(super) fn call_this_machine(&self, host: &str) {
        let text = fs::read_to_string(self.environment()).unwrap();
        fs::write(self.environment(), format!("{text}RESTIC_HOST={host}\n")).unwrap();
    }

    pub(super) fn run_at(&self, time: &str) {
        run(self.restic().args(["backup", "--quiet", "--time", time]).arg(self.data()));
    }

    /// In the middle of the largest pack: that one holds the files' bytes.
    pub(super) fn flip_a_byte_of_data(&self) {
        let packs = fs::read_dir(self.repository().join("data")).unwrap().flatten();
        let packs = packs.flat_map(|directory| fs::read_dir(directory.path()).unwrap().flatten());
        let pack = packs.max_by_key(|pack| pack.metadata().unwrap().len()).unwrap().path();
        let mut bytes = fs::read(&pack).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::set_permissions(&pack, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&pack, bytes).unwrap();
    }

    pub(super) fn step(&self) -> Value {
        let databases = ["clinic.db", "plain.sql", "custom.dump"].map(|name| self.data().join(name));
        json!({"restore.test": {
            "environment": self.environment(), "snapshot_days_max": 3, "include": [self.data()],
            "databases": databases, "size_mb_max": 64, "stamp": self.stamp(),
        }})
    }
}

/// Bytes that do not compress, the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes
}

fn run(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e} (Debian: apt-get install restic sqlite3)"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
