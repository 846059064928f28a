//! What is in the image, and how it comes there. All of it enters the image's hash: a change here makes another image.

use std::fs;
use std::path::Path;

/// The release of Debian. Programs of this machine run inside, so its C library must not be newer.
pub(crate) const SUITE: &str = "bookworm";

/// What a clinic's server runs, and what its repairs need.
pub(crate) const PACKAGES: [&str; 20] = [
    "ca-certificates",
    "chrony",
    "cron",
    "curl",
    "dbus",
    "iproute2",
    "libnss-myhostname",
    "libpam-systemd",
    "logrotate",
    "nftables",
    "nginx-light",
    "openssh-server",
    "openssl",
    "postgresql",
    "procps",
    "restic",
    "socat",
    "sqlite3",
    "sudo",
    "systemd-sysv",
];

/// Left out of each package: what nobody reads inside, and the database's own compiler (a hundred megabytes), without which it runs as well.
pub(crate) const LEFT_OUT: [&str; 5] = [
    "/usr/share/man/*",
    "/usr/share/doc/*",
    "/usr/share/locale/*",
    "/usr/lib/*/libLLVM*",
    "/usr/lib/postgresql/*/lib/llvmjit*",
];

/// Run with the root file system as `$1`.
///
/// Debian's tmpfiles empties `/tmp` at boot, also what is mounted below it: a directory shared with this machine would be emptied here. The
/// timers that would change packages are off, and the database, which takes two seconds, waits until a test starts it.
pub(crate) const FINISH: &str = r#"
: >"$1/etc/machine-id"
rm -f "$1/etc/hostname" "$1/etc/resolv.conf"
echo "q /tmp 1777 root root -" >"$1/etc/tmpfiles.d/tmp.conf"
systemctl --quiet --root="$1" mask dev-hugepages.mount console-getty.service getty@tty1.service \
    apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer dpkg-db-backup.timer
systemctl --quiet --root="$1" disable postgresql.service
"#;

/// Builds in memory, so that dpkg's many syncs cost nothing, and copies what is whole. `$1` is where to, `$2` a file with this machine's settings
/// of apt, then mmdebstrap's arguments. The mount is in a namespace of its own and goes with it.
pub(crate) const BUILD: &str = r#"
to=$1 apt=$2
shift 2
mount -t tmpfs -o mode=0755 suture-guest "$to"
mkdir "$to/build"
mmdebstrap --quiet --mode=root --variant=minbase --aptopt="$apt" --dpkgopt=force-unsafe-io "$@" </dev/null
mkdir "$to/below"
mount --bind "$(dirname "$to")" "$to/below"
cp -a "$to/build/." "$to/below/root.part"
"#;

/// This machine's package sources for the release, as apt reads them: one text of lines, one of stanzas; either may be empty. Sources of
/// other distributors are left alone.
pub(crate) fn sources() -> [String; 2] {
    let mut lines = String::new();
    let mut stanzas = String::new();
    let mut files = vec![Path::new("/etc/apt/sources.list").to_owned()];
    let parts = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
    files.extend(parts.map(|entry| entry.path()));
    files.sort();
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        match file.extension().and_then(|e| e.to_str()) {
            Some("list") => lines.extend(text.lines().filter(|l| ours(l)).map(|l| format!("{l}\n"))),
            Some("sources") => {
                stanzas.extend(text.split("\n\n").filter(|s| ours(s)).map(|s| format!("{}\n\n", s.trim())));
            }
            _ => {}
        }
    }
    [lines, stanzas]
}

/// Whether a line or stanza is Debian's, of the release. A further distributor names its suites otherwise.
fn ours(text: &str) -> bool {
    let words =
        || text.lines().filter(|l| !l.trim_start().starts_with('#')).flat_map(str::split_ascii_whitespace);
    let suites = [SUITE.to_owned(), format!("{SUITE}-updates"), format!("{SUITE}-security")];
    let foreign = ["deb-src", "Enabled:"];
    words().any(|w| suites.iter().any(|s| s == w))
        && words().any(|w| w == "main")
        && !words().any(|w| foreign.contains(&w))
}

#[cfg(test)]
mod tests {
    use super::ours;

    #[test]
    fn only_debian_s_own_sources_of_the_release_are_taken() {
        assert!(ours("deb [signed-by=/k] http://mirror.example/debian bookworm main"));
        assert!(ours("Types: deb\nURIs: http://m.example/s\nSuites: bookworm-security\nComponents: main"));
        assert!(!ours("# deb http://mirror.example/debian bookworm main"));
        assert!(!ours("deb http://mirror.example/debian trixie main"));
        assert!(!ours("deb http://other.example/sdk sdk-bookworm main"));
        assert!(!ours("deb-src http://mirror.example/debian bookworm main"));
    }
}
