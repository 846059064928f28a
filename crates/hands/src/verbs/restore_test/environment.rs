//! The file that says where the repository is and what opens it. Its values are shown nowhere: in no error, no trace and no record.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use contract::runbook::RestoreTest;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};

use crate::HandError;

/// What was tried, in errors.
const USE: &str = "use it as restic's environment";
/// Such a file has a few lines.
const BYTES_MAX: u64 = 16 * 1024;

/// What may stand in it. `RESTIC_PASSWORD_COMMAND` may not: it names a shell's command.
const NAMES: [&str; 16] = [
    "RESTIC_REPOSITORY",
    "RESTIC_REPOSITORY_FILE",
    "RESTIC_PASSWORD",
    "RESTIC_PASSWORD_FILE",
    "RESTIC_KEY_HINT",
    "RESTIC_HOST",
    "RESTIC_REST_USERNAME",
    "RESTIC_REST_PASSWORD",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
    "B2_ACCOUNT_ID",
    "B2_ACCOUNT_KEY",
    "AZURE_ACCOUNT_NAME",
    "AZURE_ACCOUNT_KEY",
];

/// Kinds of repositories that restic reaches over HTTPS, and so through the proxy. `sftp:` and `rclone:` start programs of their own.
const NETWORK: [&str; 4] = ["rest:", "s3:", "b2:", "azure:"];

/// Read and checked.
pub(super) struct Environment {
    variables: Vec<(String, String)>,
    /// Files and directories that restic has to read.
    reads: Vec<PathBuf>,
    is_local: bool,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("is_local", &self.is_local).finish_non_exhaustive()
    }
}

impl Environment {
    /// Reads the test's, and sees that its repository can be reached as the test says.
    pub(super) fn read(test: &RestoreTest) -> Result<Self, HandError> {
        let path = Path::new(test.environment.as_str());
        let mut variables = parse(&private(path)?).map_err(|why| HandError::unfit(path, USE, why))?;
        let mut reads = Vec::new();
        if let Some(at) = variables.iter().position(|(name, _)| name == "RESTIC_REPOSITORY_FILE") {
            let file = PathBuf::from(variables.swap_remove(at).1);
            let repository = private(&file)?.trim_end().to_owned();
            variables.push(("RESTIC_REPOSITORY".to_owned(), repository));
        }
        let value = |wanted: &str| variables.iter().find(|(name, _)| name == wanted).map(|(_, v)| v.as_str());
        if let Some(file) = value("RESTIC_PASSWORD_FILE") {
            private(Path::new(file))?;
            reads.push(PathBuf::from(file));
        } else if value("RESTIC_PASSWORD").is_none() {
            return Err(HandError::unfit(path, USE, "it names no password"));
        }
        let repository = value("RESTIC_REPOSITORY")
            .ok_or_else(|| HandError::unfit(path, USE, "it names no repository, or two"))?;
        let local = repository.strip_prefix("local:").unwrap_or(repository);
        let is_local = local.starts_with('/');
        if is_local {
            // The sandbox shows a tree by the way that goes through no link.
            let really = Path::new(local).canonicalize().map_err(|_| HandError::NotAsDeclared {
                what: "there is no repository where the environment file says",
            })?;
            reads.push(really);
        } else if !NETWORK.iter().any(|kind| repository.starts_with(kind)) {
            return Err(HandError::unfit(
                path,
                USE,
                "its repository is of a kind that cannot be reached from here",
            ));
        } else if test.reaches.is_empty() {
            return Err(HandError::unfit(
                path,
                USE,
                "its repository lies on the network, and the runbook does not say whom to reach",
            ));
        }
        Ok(Self { variables, reads, is_local })
    }

    pub(super) fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    /// The name that this machine's snapshots have: what restic is told to call it here, or else what the kernel calls it.
    pub(super) fn host(&self) -> String {
        let told = self.variables.iter().find(|(name, _)| name == "RESTIC_HOST");
        told.map_or_else(
            || rustix::system::uname().nodename().to_string_lossy().into_owned(),
            |(_, host)| host.clone(),
        )
    }

    pub(super) fn reads(&self) -> &[PathBuf] {
        &self.reads
    }

    pub(super) const fn is_local(&self) -> bool {
        self.is_local
    }
}

/// The text of a file that belongs to root and is closed to all others.
fn private(path: &Path) -> Result<String, HandError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let file = openat2(CWD, path, flags, Mode::empty(), resolve).map_err(HandError::file(path, "open it"))?;
    let stat = rustix::fs::fstat(&file).map_err(HandError::file(path, "look at it"))?;
    if !rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file() {
        return Err(HandError::unfit(path, USE, "it is no regular file"));
    }
    if stat.st_uid != 0 || stat.st_gid != 0 || stat.st_mode & 0o077 != 0 {
        return Err(HandError::unfit(
            path,
            USE,
            "it must be root's and closed to all others: chown root:root, chmod 600",
        ));
    }
    let mut text = String::new();
    // The reader's own error would name what it read: only its kind goes on.
    let read = File::from(file).take(BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|e| HandError::file(path, "read it")(std::io::Error::from(e.kind())))?;
    if text.len() as u64 > BYTES_MAX { Err(HandError::unfit(path, USE, "it is too long")) } else { Ok(text) }
}

/// `KEY=VALUE` lines, as systemd's `EnvironmentFile=` has them; quotes around a whole value fall off. No value is ever quoted back.
fn parse(text: &str) -> Result<Vec<(String, String)>, &'static str> {
    let mut variables: Vec<(String, String)> = Vec::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with(['#', ';'])) {
        let (name, value) = line.split_once('=').ok_or("a line is not KEY=VALUE")?;
        let value = ['"', '\'']
            .iter()
            .find_map(|q| value.strip_prefix(*q).and_then(|v| v.strip_suffix(*q)))
            .unwrap_or(value);
        if !NAMES.contains(&name) {
            return Err("it sets a variable that is not one of restic's plain ones");
        }
        if value.is_empty() || value.contains('\0') {
            return Err("a variable has no value");
        }
        if variables.iter().any(|(known, _)| known == name) {
            return Err("a variable is set twice");
        }
        variables.push((name.to_owned(), value.to_owned()));
    }
    let has = |wanted: &str| variables.iter().any(|(name, _)| name == wanted);
    if has("RESTIC_REPOSITORY") && has("RESTIC_REPOSITORY_FILE") {
        return Err("it names two repositories");
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn plain_lines_are_taken_and_quotes_fall_off() {
        let text =
            "# a comment\n\nRESTIC_REPOSITORY=/srv/backup\nRESTIC_PASSWORD=\"a = b\"\nB2_ACCOUNT_ID='x'\n";
        let variables = parse(text).unwrap();
        let values: Vec<_> = variables.iter().map(|(_, v)| v.as_str()).collect();
        assert_eq!(values, ["/srv/backup", "a = b", "x"]);
    }

    #[test]
    fn what_starts_programs_or_steers_the_loader_is_refused_without_being_quoted() {
        for line in [
            "RESTIC_PASSWORD_COMMAND=cat secret",
            "LD_PRELOAD=secret",
            "PATH=secret",
            "export RESTIC_PASSWORD=secret",
            "secret",
            "RESTIC_PASSWORD=",
            "RESTIC_PASSWORD=secret\nRESTIC_PASSWORD=secret",
            "RESTIC_REPOSITORY=/secret\nRESTIC_REPOSITORY_FILE=/secret",
        ] {
            let refused = parse(line).expect_err(line);
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
