//! Who wrote a line. In the journal only what journald itself saw counts: whatever a sender says about itself, anybody on the machine could say.

/// Where lines come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// One entry of the journal, its message alone, by this program. Nothing where journald vouches for none.
    Journal(Option<Program<'a>>),
    /// A file in which a syslog daemon writes `time host program[pid]: message`. Nobody vouches for the program: whoever may write to the syslog
    /// socket may give any.
    Syslog,
    /// A program's own log file, by its path.
    File(&'a str),
}

/// A program that wrote an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// True where root or the kernel says so.
    pub by_root: bool,
}

/// What journald knows of who sent an entry. Names that begin with an underscore are its own, and no sender can give them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Claims<'a> {
    /// `_TRANSPORT`.
    pub transport: &'a [u8],
    /// `_UID`.
    pub uid: Option<u32>,
    /// `_EXE`.
    pub exe: &'a [u8],
    /// `SYSLOG_IDENTIFIER`: the sender's own word.
    pub identifier: &'a [u8],
}

/// Where programs lie that only root can place.
const SYSTEM: [&[u8]; 9] = [
    b"/usr/bin/",
    b"/usr/sbin/",
    b"/usr/lib/",
    b"/usr/libexec/",
    b"/bin/",
    b"/sbin/",
    b"/lib/",
    b"/nix/store/",
    b"/run/wrappers/",
];

impl<'a> Program<'a> {
    /// The program that wrote an entry, as far as anybody vouches for it.
    pub fn vouched(claims: &Claims<'a>) -> Option<Self> {
        // The kernel's own words reach journald by ways that no process has.
        for of_the_kernel in [b"kernel".as_slice(), b"audit"] {
            if claims.transport == of_the_kernel {
                return Some(Self { name: of_the_kernel, by_root: true });
            }
            if claims.identifier == of_the_kernel {
                return None;
            }
        }
        // Root may call itself what it likes: it needs no forged log line to do harm.
        if claims.uid == Some(0) && !claims.identifier.is_empty() {
            return Some(Self { name: claims.identifier, by_root: true });
        }
        let in_system = SYSTEM.iter().any(|directory| claims.exe.starts_with(directory));
        let name = claims.exe.rsplit(|b| *b == b'/').next().filter(|name| in_system && !name.is_empty())?;
        Some(Self { name, by_root: claims.uid == Some(0) })
    }
}

/// What a syslog daemon writes, by Debian's names and by others'.
const SYSLOG_NAMES: [&str; 16] = [
    "auth.log",
    "cron.log",
    "daemon.log",
    "kern.log",
    "mail.log",
    "syslog.log",
    "user.log",
    "syslog",
    "messages",
    "secure",
    "maillog",
    "cron",
    "daemon",
    "debug",
    "warn",
    "kern",
];

impl<'a> Source<'a> {
    /// What lines are of a file that lies where a syslog daemon writes, and nobody else may make files.
    pub fn of_file(path: &'a std::path::Path) -> Self {
        let (path, begin) = unrotated(path);
        if SYSLOG_NAMES.contains(&&path[begin..]) { Source::Syslog } else { Source::File(path) }
    }

    /// What lines are of any other file: whatever its name is, what it says of who wrote a line is its owner's word.
    pub fn of_program(path: &'a std::path::Path) -> Self {
        Source::File(unrotated(path).0)
    }
}

/// A path without what a rotation added to its name, and where the name begins: of `error.log.1`, `error.log-20261121` and `syslog.1` the first part.
/// A path that is no text is nobody's.
fn unrotated(path: &std::path::Path) -> (&str, usize) {
    let path = path.to_str().unwrap_or_default();
    let begin = path.rfind('/').map_or(0, |n| n + 1);
    let name = &path[begin..];
    let end = match name.find(".log") {
        Some(n) => n + 4,
        None => name.find(['.', '-']).filter(|n| *n > 0).unwrap_or(name.len()),
    };
    (&path[..begin + end], begin)
}

/// A line as its source has it: who wrote it, and what he wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Read<'a> {
    pub(crate) program: Option<Program<'a>>,
    pub(crate) message: &'a [u8],
}

impl<'a> Source<'a> {
    /// Takes `line` apart.
    pub(crate) fn read(&self, line: &'a [u8]) -> Read<'a>
    where
        Self: 'a,
    {
        match self {
            Source::Journal(program) => Read { program: *program, message: line },
            Source::File(_) => Read { program: None, message: line },
            Source::Syslog => header(line).unwrap_or(Read { program: None, message: line }),
        }
    }
}

/// `Nov 21 06:20:01 host sshd[4711]: message`, or with a time such as `2026-11-21T06:20:01.123456+00:00`.
fn header(line: &[u8]) -> Option<Read<'_>> {
    let after_host = rest_of_line(line)?;
    let end = after_host.iter().take(64).position(|b| matches!(b, b'[' | b':' | b' '))?;
    let (name, mut rest) = after_host.split_at(end);
    if rest.first() == Some(&b'[') {
        rest = &rest[rest.iter().take(24).position(|b| *b == b']')? + 1..];
    }
    let message = rest.strip_prefix(b":")?;
    let mut message = message.strip_prefix(b" ").unwrap_or(message);
    if name == b"kernel" {
        message = uptime(message).unwrap_or(message);
    }
    // Nobody vouches; files that a syslog daemon wrote are as good as that daemon.
    (!name.is_empty()).then_some(Read { program: Some(Program { name, by_root: true }), message })
}

/// What follows the time and the host.
fn rest_of_line(line: &[u8]) -> Option<&[u8]> {
    let at = |n: usize| line.get(n).copied();
    let traditional = at(3) == Some(b' ')
        && at(6) == Some(b' ')
        && at(9) == Some(b':')
        && at(12) == Some(b':')
        && at(15) == Some(b' ');
    let after_time = if traditional {
        line.get(16..)?
    } else {
        let dated = at(4) == Some(b'-') && at(10) == Some(b'T');
        let end = line.iter().take(48).position(|b| *b == b' ').filter(|_| dated)?;
        &line[end + 1..]
    };
    let host = after_time.iter().take(256).position(|b| *b == b' ')?;
    Some(&after_time[host + 1..])
}

/// `[   12.345678] ` before a kernel's message.
fn uptime(message: &[u8]) -> Option<&[u8]> {
    let inside = message.strip_prefix(b"[")?;
    let end = inside.iter().take(24).position(|b| *b == b']')?;
    let tidy = inside[..end].iter().all(|b| b.is_ascii_digit() || matches!(b, b' ' | b'.'));
    inside.get(end + 1..).filter(|_| tidy)?.strip_prefix(b" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_taken_apart() {
        for (line, name, message) in [
            ("Nov 21 06:20:01 host sshd[4711]: Failed", "sshd", "Failed"),
            ("Nov  1 06:20:01 host kernel: [   12.345678] oom", "kernel", "oom"),
            ("Nov  1 06:20:01 host kernel: [drm] oom", "kernel", "[drm] oom"),
            ("2026-11-21T06:20:01.123456+00:00 host systemd[1]: x: y", "systemd", "x: y"),
            ("2026-11-21T06:20:01Z host postfix/smtpd[1]:x", "postfix/smtpd", "x"),
        ] {
            let read = Source::Syslog.read(line.as_bytes());
            assert_eq!(read.program.map(|p| p.name), Some(name.as_bytes()), "{line}");
            assert_eq!(read.message, message.as_bytes());
        }
        for line in [
            "",
            "x",
            "Nov 21 06:20:01",
            "Nov 21 06:20:01 host",
            "Nov 21 06:20:01 host a b: c",
            "2026-11-21 06:20:01 host a: c",
            "Nov 21 06:20:01 host a[1 b: c",
        ] {
            assert_eq!(
                Source::Syslog.read(line.as_bytes()),
                Read { program: None, message: line.as_bytes() }
            );
        }
    }

    #[test]
    fn a_rotated_file_is_of_the_same_source() {
        let of = |path| Source::of_file(std::path::Path::new(path));
        for path in [
            "/var/log/auth.log",
            "/var/log/auth.log.1",
            "/var/log/syslog",
            "/var/log/syslog.1",
            "/var/log/messages-20261121",
        ] {
            assert_eq!(of(path), Source::Syslog, "{path}");
        }
        for path in
            ["/var/log/nginx/error.log", "/var/log/nginx/error.log.1", "/var/log/nginx/error.log-20261121"]
        {
            assert_eq!(of(path), Source::File("/var/log/nginx/error.log"), "{path}");
        }
        assert_eq!(
            of("/var/log/postgresql/postgresql-15-main.log.2"),
            Source::File("/var/log/postgresql/postgresql-15-main.log")
        );
        assert_eq!(of("/var/log/app/authentic.log"), Source::File("/var/log/app/authentic.log"));
        let of_program = Source::of_program(std::path::Path::new("/var/log/app/auth.log.1"));
        assert_eq!(of_program, Source::File("/var/log/app/auth.log"));
    }

    #[test]
    fn nobody_but_root_is_called_what_he_calls_himself() {
        let claims = |transport, uid, exe, identifier| Claims {
            transport: str::as_bytes(transport),
            uid,
            exe: str::as_bytes(exe),
            identifier: str::as_bytes(identifier),
        };
        let name =
            |c: Claims<'static>| Program::vouched(&c).map(|p| (str::from_utf8(p.name).unwrap(), p.by_root));
        assert_eq!(name(claims("kernel", None, "", "kernel")), Some(("kernel", true)));
        assert_eq!(
            name(claims("syslog", Some(0), "/usr/sbin/sshd", "sshd-session")),
            Some(("sshd-session", true))
        );
        assert_eq!(name(claims("syslog", Some(1000), "/usr/bin/sudo", "sudo")), Some(("sudo", false)));
        // `logger -t sshd`, a program of one's own, and words that are the kernel's.
        assert_eq!(name(claims("syslog", Some(1000), "/usr/bin/logger", "sshd")), Some(("logger", false)));
        assert_eq!(name(claims("syslog", Some(1000), "/home/x/sshd", "sshd")), None);
        assert_eq!(name(claims("syslog", Some(1000), "", "sshd")), None);
        assert_eq!(name(claims("syslog", Some(0), "/usr/bin/logger", "kernel")), None);
        assert_eq!(name(claims("stdout", None, "", "sshd")), None);
    }
}
