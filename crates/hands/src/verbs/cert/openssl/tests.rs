//! With the machine's openssl, over authorities of the test's own.

use std::io::Write as _;
use std::process::{Command, Stdio};

use contract::time::MonoNs;
use facts::OwnDirectories;

use super::*;
use crate::{Interrupt, Nixos, Ran, Snapshot};

/// Starts it plainly: what the sandbox does is tried elsewhere.
#[derive(Debug)]
struct Plain;

impl crate::Programs for Plain {
    fn run(&self, program: &Program) -> Result<Ran, HandError> {
        let mut command = Command::new(&program.path);
        let command = command.args(&program.arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&program.input).unwrap();
        let output = child.wait_with_output().unwrap();
        Ok(Ran { status: output.status.code(), output: output.stdout, ..Ran::default() })
    }
}

/// Authorities and certificates, each by a name of its own; the subject may be another's.
struct Authorities {
    directory: tempfile::TempDir,
}

impl Authorities {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn openssl(&self, arguments: &str) {
        let words = arguments.split_whitespace();
        let output = Command::new("openssl").args(words).current_dir(self.directory.path()).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// A certificate `name` of `subject`, signed by `by`, or by itself; an authority's, or a site's.
    fn issue(&self, name: &str, subject: &str, by: Option<&str>, days: i32) {
        let key = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
        self.openssl(&format!("genpkey {key} -out {name}.key"));
        self.sign(name, subject, by, days);
    }

    /// The same again, with the key that it has.
    fn sign(&self, name: &str, subject: &str, by: Option<&str>, days: i32) {
        let is_site = subject == "site";
        let kind = if is_site { "subjectAltName=DNS:a.example" } else { "basicConstraints=critical,CA:TRUE" };
        std::fs::write(self.directory.path().join("kind"), kind).unwrap();
        self.openssl(&format!("req -new -key {name}.key -subj /CN={subject} -out csr"));
        let by =
            by.map_or_else(|| format!("-signkey {name}.key"), |by| format!("-CA {by}.pem -CAkey {by}.key"));
        self.openssl(&format!(
            "x509 -req -in csr -extfile kind {by} -days {days} -set_serial {} -out {name}.pem",
            self.serial()
        ));
    }

    fn serial(&self) -> usize {
        std::fs::read_dir(self.directory.path()).unwrap().count() + 1
    }

    fn chain(&self, names: &[&str]) -> Chain {
        let read = |name: &&str| std::fs::read(self.directory.path().join(format!("{name}.pem"))).unwrap();
        Chain::read(&names.iter().flat_map(read).collect::<Vec<u8>>()).unwrap()
    }

    /// Whether `new` is taken after `old`, on a machine whose store holds `store`.
    fn taken(&self, new: &[&str], old: &[&str], store: Option<&str>) -> Result<(), String> {
        let root = self.directory.path().canonicalize().unwrap();
        let none = || root.join("none");
        let own = OwnDirectories { evidence: none(), executor_keys: none(), agent_keys: none() };
        let place = Place {
            own: &own,
            snapshot: Snapshot::at(&none()),
            programs: &Plain,
            deadline: MonoNs(u64::MAX),
            interrupt: &Interrupt::default(),
            scratch: root.join("scratch"),
            nixos: Nixos::default(),
        };
        let openssl =
            OpenSsl { store: store.map(|s| root.join(format!("{s}.pem"))), ..OpenSsl::find().unwrap() };
        let old = (!old.is_empty()).then(|| self.chain(old));
        openssl.believes(&self.chain(new), old.as_ref(), &place).map_err(|e| e.to_string())
    }
}

/// A root, an intermediate, a site's certificate before and after, and what a forger makes: the same names, other keys.
fn clinic() -> Authorities {
    let all = Authorities::new();
    all.issue("root", "root", None, 3650);
    all.issue("between", "between", Some("root"), 365);
    all.issue("old", "site", Some("between"), 5);
    all.issue("new", "site", Some("between"), 90);
    all.issue("forger-root", "root", None, 3650);
    all.issue("forger-between", "between", Some("forger-root"), 365);
    all.issue("forged", "site", Some("forger-between"), 90);
    all
}

#[track_caller]
fn refused(said: &Result<(), String>, words: &str) {
    assert!(said.as_ref().is_err_and(|said| said.contains(words)), "{said:?}");
}

#[test]
fn a_private_authority_is_believed_as_before_and_no_store_is_needed() {
    let clinic = clinic();
    assert_eq!(clinic.taken(&["new", "between"], &["old", "between"], None), Ok(()));
    assert_eq!(clinic.taken(&["new", "between", "root"], &["old", "between", "root"], None), Ok(()));
    // The root may come or go; the intermediate may be another of the same root.
    assert_eq!(clinic.taken(&["new", "between"], &["old", "between", "root"], None), Ok(()));
    assert_eq!(clinic.taken(&["new", "between", "root"], &["old", "between"], None), Ok(()));
    clinic.issue("other", "other", Some("root"), 365);
    clinic.issue("newer", "site", Some("other"), 90);
    assert_eq!(clinic.taken(&["newer", "other"], &["old", "between", "root"], None), Ok(()));
    refused(&clinic.taken(&["newer", "other"], &["old", "between"], None), "leads to nobody");
    // The authority's own certificate was issued anew, for the same key, after the first one had expired.
    clinic.sign("between", "between", Some("root"), -1);
    std::fs::copy(clinic.directory.path().join("between.pem"), clinic.directory.path().join("was.pem"))
        .unwrap();
    clinic.sign("between", "between", Some("root"), 365);
    assert_eq!(clinic.taken(&["new", "between"], &["old", "was"], None), Ok(()));
    refused(&clinic.taken(&["new", "was"], &["old", "between"], None), "leads to nobody");
}

#[test]
fn names_that_a_forger_copied_are_not_signatures() {
    let clinic = clinic();
    // Issued by a forger, and sent with the real authority's certificate: all names are in order.
    refused(&clinic.taken(&["forged", "between"], &["old", "between"], None), "is not signed by");
    refused(&clinic.taken(&["new", "forger-between"], &["old", "between"], None), "is not signed by");
    refused(&clinic.taken(&["new", "between", "forger-root"], &["old", "between"], None), "is not signed by");
    // Whole in itself, and another authority's.
    let forged = ["forged", "forger-between", "forger-root"];
    for old in [&["old", "between"][..], &["old", "between", "root"], &["old"], &[]] {
        refused(&clinic.taken(&forged, old, None), "leads to nobody");
        refused(&clinic.taken(&forged, old, Some("root")), "leads to nobody");
    }
    // What the old chain only claims by its names it does not pass on.
    refused(&clinic.taken(&forged, &["old", "forger-between"], None), "leads to nobody");
}

#[test]
fn a_root_of_the_store_completes_a_chain_and_nothing_else_does() {
    let clinic = clinic();
    assert_eq!(clinic.taken(&["new", "between"], &[], Some("root")), Ok(()));
    refused(&clinic.taken(&["new"], &[], Some("root")), "leads to nobody");
    refused(&clinic.taken(&["new"], &["old"], None), "leads to nobody");
    refused(&clinic.taken(&["new"], &["old", "between"], None), "leads to nobody");
    refused(&clinic.taken(&["new", "between"], &[], None), "leads to nobody");
    refused(&clinic.taken(&["new", "between"], &[], Some("forger-root")), "leads to nobody");
    // Signed by the root itself.
    clinic.issue("direct", "site", Some("root"), 90);
    assert_eq!(clinic.taken(&["direct"], &["old"], Some("root")), Ok(()));
    clinic.issue("direct-old", "site", Some("root"), 5);
    assert_eq!(clinic.taken(&["direct"], &["direct-old", "root"], None), Ok(()));
    // A site's certificate is no authority.
    clinic.issue("below", "site2", Some("new"), 90);
    assert!(clinic.taken(&["below", "new", "between"], &["old", "between"], Some("root")).is_err());
}

#[test]
fn one_that_vouches_for_itself_is_taken_only_after_another_such() {
    let clinic = clinic();
    clinic.issue("self", "site", None, 90);
    clinic.issue("self-old", "site", None, 5);
    assert_eq!(clinic.taken(&["self"], &["self-old"], None), Ok(()));
    refused(&clinic.taken(&["self"], &["old", "between"], None), "nobody vouches");
    refused(&clinic.taken(&["self"], &[], Some("root")), "nobody vouches");
    assert_eq!(clinic.taken(&["new", "between"], &["self-old"], Some("root")), Ok(()));
    // It says so, and another key has signed it.
    clinic.issue("site-authority", "site", None, 90);
    clinic.issue("claims", "site", Some("site-authority"), 90);
    refused(&clinic.taken(&["claims"], &["self-old"], None), "nobody vouches");
}
