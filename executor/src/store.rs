//! The Nix store, verified in the background: once a week, and once a day while a verification finds something or does not come to its end.
//!
//! It is the executor's because it needs root, and because what closes an incident is what the executor saw itself. What the last one came to is kept
//! beside the log, and is as good as what it says of itself: its time is in it, and the fact that reads it is no pass when that is long ago. Nothing is
//! authorised by it.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use contract::fact::Absence;
use contract::time::UtcTime;
use edge::file::FileError;
use facts::{Root, StoreVerification, Verified};

/// A machine that has just started has other things to do.
const AFTER_START: Duration = Duration::from_mins(15);
/// After one that found the store whole.
const PERIOD: Duration = Duration::from_hours(7 * 24);
/// After any other.
const AGAIN: Duration = Duration::from_hours(24);
/// A store that is not read through in this time, by whatever holds it up, is not assessed.
const LIMIT: Duration = Duration::from_hours(24);
/// How long a wall clock may have been put forward unnoticed.
const LOOK: Duration = Duration::from_hours(1);

/// Verifies in the background until the process ends, and keeps each end at `kept`. On any other system than NixOS nothing is done.
pub fn by_timer(root: Root, kept: PathBuf) -> std::io::Result<()> {
    if facts::is_nixos(&root) != Ok(true) {
        return Ok(());
    }
    let work = move || {
        thread::sleep(AFTER_START);
        loop {
            let wait = due_in(StoreVerification::kept(&kept), edge::clock::utc());
            if wait.is_zero() {
                if let Err(error) = verify(&root, &kept, LIMIT) {
                    tracing::warn!(
                        error = crate::serve::chain(&error),
                        "what a verification of the store came to is not kept"
                    );
                }
                thread::sleep(AGAIN);
            } else {
                thread::sleep(wait.min(LOOK));
            }
        }
    };
    thread::Builder::new().name("store".to_owned()).spawn(work).map(drop)
}

/// One verification, kept at its end.
fn verify(root: &Root, kept: &Path, limit: Duration) -> Result<(), FileError> {
    let came_to = facts::verify_store(root, limit);
    let verification = StoreVerification { ended: edge::clock::utc(), came_to };
    edge::file::write_durably(kept, &serde_json::to_vec(&verification).unwrap_or_default())
}

/// How long until the next one, after what is known of the last.
fn due_in(last: Result<Option<StoreVerification>, Absence>, now: UtcTime) -> Duration {
    let Ok(Some(last)) = last else { return Duration::ZERO };
    let period = match last.came_to {
        Verified::Altered(0) => PERIOD,
        Verified::Altered(_) | Verified::NotVerified(_) => AGAIN,
    };
    // One from the future tells nothing of its age.
    let age = u64::try_from(now.unix_ms().saturating_sub(last.ended.unix_ms())).map(Duration::from_millis);
    age.map_or(Duration::ZERO, |age| period.saturating_sub(age))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use contract::fact::FactValue;
    use facts::{Config, OwnDirectories, Reader};
    use tempfile::TempDir;

    use super::*;

    fn at(hours: i64) -> UtcTime {
        UtcTime::from_unix_ms(1_700_000_000_000 + hours * 60 * 60 * 1000).unwrap()
    }

    #[test]
    fn a_whole_store_is_verified_weekly_and_any_other_daily() {
        let after = |came_to, hours| due_in(Ok(Some(StoreVerification { ended: at(0), came_to })), at(hours));
        let hours = Duration::from_hours;
        assert_eq!(due_in(Ok(None), at(0)), Duration::ZERO);
        assert_eq!(due_in(Err(Absence::Malformed), at(0)), Duration::ZERO);
        assert_eq!(after(Verified::Altered(0), 1), hours(7 * 24 - 1));
        assert_eq!(after(Verified::Altered(0), 7 * 24), Duration::ZERO);
        assert_eq!(after(Verified::Altered(0), -1), Duration::ZERO, "the clock was put back");
        assert_eq!(after(Verified::Altered(3), 1), hours(23));
        assert_eq!(after(Verified::NotVerified(Absence::TimedOut), 1), hours(23));
    }

    /// A machine whose Nix does as `script` says.
    fn machine(script: &str) -> TempDir {
        let machine = TempDir::new().unwrap();
        let at = |path: &str| machine.path().join(path);
        for directory in ["etc", "usr/bin", "run", "nix/store/x-system"] {
            fs::create_dir_all(at(directory)).unwrap();
        }
        fs::write(at("etc/NIXOS"), "").unwrap();
        symlink("../nix/store/x-system", at("run/current-system")).unwrap();
        for (name, script) in [
            ("setpriv", "exec setpriv \"$@\""),
            ("chrt", "exec chrt \"$@\""),
            ("ionice", "exec ionice \"$@\""),
            ("nix", script),
        ] {
            let program = at("usr/bin").join(name);
            fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        machine
    }

    #[test]
    fn what_it_came_to_is_what_the_executor_measures() {
        let whole = "exit 0";
        let altered = "case \"$*\" in *path-info*) exit 0;; esac\necho \"path '/nix/store/x' was modified! expected\" >&2; exit 1";
        let hangs = "case \"$*\" in *path-info*) exit 0;; esac\nexec sleep 3600";
        let cases = [
            (whole, Duration::from_secs(50), Ok(FactValue::Number(0))),
            (altered, Duration::from_secs(50), Ok(FactValue::Number(1))),
            (hangs, Duration::from_secs(1), Err(Absence::TimedOut)),
        ];
        for (script, limit, want) in cases {
            let machine = machine(script);
            let kept = machine.path().join("store-verification.json");
            let own = machine.path().join("own");
            let own = OwnDirectories { evidence: own.clone(), executor_keys: own.clone(), agent_keys: own };
            let config = Config {
                root: Root::new(machine.path()),
                store_verification: Some(kept.clone()),
                ..Config::new(own)
            };
            let fact = "nixos:store_altered_paths".parse().unwrap();
            assert_eq!(
                Reader::new(config.clone()).read(&fact),
                Err(Absence::NotRunning),
                "none has ended yet"
            );
            verify(&config.root, &kept, limit).unwrap();
            assert_eq!(Reader::new(config).read(&fact), want, "{script}");
        }
    }
}
