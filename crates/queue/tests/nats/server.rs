//! Real servers: one, or three in a cluster, each a process of its own.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// The server that everything is tested with. Where it cannot be had the tests are red, and say why.
pub(crate) fn program() -> PathBuf {
    // Found from this file, since the hub's tests use it as well.
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let script = here.map(|d| d.join("crates/queue/tests/nats/install")).find(|p| p.exists()).unwrap();
    let made = Command::new(script).stderr(Stdio::inherit()).output().unwrap();
    assert!(made.status.success(), "the tests' NATS server cannot be installed: see above");
    PathBuf::from(String::from_utf8(made.stdout).unwrap().trim())
}

/// Debian's, which is too old: it shows why that is refused.
pub(crate) fn old_program() -> PathBuf {
    let path = PathBuf::from("/usr/sbin/nats-server");
    assert!(path.exists(), "Debian's package nats-server is not installed");
    path
}

/// An authority, and certificates that it signed.
pub(crate) struct Certificates {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) authority: PathBuf,
    at: PathBuf,
}

impl Certificates {
    pub(crate) fn new(at: &Path) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let authority = at.join("authority.pem");
        std::fs::write(&authority, certificate.pem()).unwrap();
        Self { issuer: Issuer::new(params, key), authority, at: at.to_owned() }
    }

    /// A certificate and its key, for these names or addresses.
    pub(crate) fn issue(&self, name: &str, addresses: &[&str]) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = addresses.iter().map(|&a| a.to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        let place = |kind: &str| self.at.join(format!("{name}.{kind}.pem"));
        std::fs::write(place("certificate"), certificate.pem()).unwrap();
        private(&place("key"), &key.serialize_pem());
        (place("certificate"), place("key"))
    }
}

/// Writes a file that nobody else may read.
pub(crate) fn private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// How a server is to run.
#[derive(Clone)]
pub(crate) struct How {
    pub(crate) program: PathBuf,
    /// What its settings for `JetStream` hold beside where it stores.
    pub(crate) jetstream: &'static str,
    /// What it is started under: `ip netns exec …`, `strace …`.
    pub(crate) under: Vec<String>,
}

impl How {
    /// As docs/nats.md says that it should.
    pub(crate) fn safe() -> Self {
        Self { program: program(), jetstream: "sync_interval: always", under: vec![] }
    }

    pub(crate) fn old() -> Self {
        Self { program: old_program(), jetstream: "", under: vec![] }
    }
}

/// A server. It ends with the test.
pub(crate) struct Server {
    how: How,
    configuration: PathBuf,
    pub(crate) store: PathBuf,
    pub(crate) url: String,
    child: Option<Child>,
}

/// Where a server of a cluster is, and how its neighbours reach it.
pub(crate) struct Seat {
    pub(crate) address: String,
    pub(crate) port: u16,
    pub(crate) routes: u16,
}

impl Server {
    /// The server number `number` of all these. `lines` are the operator's, for a server that keeps accounts there.
    pub(crate) fn new(
        at: &Path,
        certificates: &Certificates,
        lines: &dyn Fn(&Path) -> String,
        how: How,
        seats: &[Seat],
        number: usize,
    ) -> Self {
        let seat = &seats[number];
        let (home, name) = (at.join(format!("server-{number}")), format!("n{number}"));
        let store = home.join("store");
        std::fs::create_dir_all(&store).unwrap();
        let (certificate, key) = certificates.issue(&name, &[&seat.address]);
        let tls = format!(
            "tls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\", verify: true, timeout: 10 }}",
            certificate.display(),
            key.display(),
            certificates.authority.display()
        );
        let mut text = format!(
            "server_name: {name}\nlisten: \"{}:{}\"\n{tls}\njetstream {{ store_dir: \"{}\", max_file_store: 64G, {} }}\n",
            seat.address,
            seat.port,
            store.display(),
            how.jetstream
        );
        text += &lines(&home.join("accounts"));
        if seats.len() > 1 {
            let routes: Vec<_> =
                seats.iter().map(|seat| format!("\"tls://{}:{}\"", seat.address, seat.routes)).collect();
            let routes = routes.join(", ");
            writeln!(
                text,
                "cluster {{ name: suture, listen: \"{}:{}\", {tls}, routes: [{routes}] }}",
                seat.address, seat.routes
            )
            .unwrap();
        }
        let configuration = home.join("server.conf");
        private(&configuration, &text);
        let url = format!("tls://{}:{}", seat.address, seat.port);
        Self { how, configuration, store, url, child: None }
    }

    /// Starts it, and waits until it says that it is ready.
    pub(crate) fn start(&mut self) {
        let mut words = self.how.under.clone();
        words.extend([self.how.program.to_str().unwrap().to_owned(), "-c".to_owned()]);
        words.push(self.configuration.to_str().unwrap().to_owned());
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = String::new();
        loop {
            let Some(line) = lines.next() else { panic!("the server ended before it was ready: {said}") };
            said = said + &line + "\n";
            if line.contains("Server is ready") {
                break;
            }
        }
        let tell = std::env::var_os("SUTURE_NATS_LOG").is_some();
        // A full pipe would stop it.
        std::thread::spawn(move || {
            for line in lines.filter(|_| tell) {
                eprintln!("{line}");
            }
        });
        self.child = Some(child);
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// SIGTERM, and waits for its end.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
