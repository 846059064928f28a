//! An RFC 3161 authority made of `openssl ts`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The authority's files.
pub(crate) struct Authority {
    directory: tempfile::TempDir,
}

const EXTENSIONS: &str = "extendedKeyUsage = critical, timeStamping\nkeyUsage = critical, digitalSignature\n";

impl Authority {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = Self { directory };
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        made.run(
            &[&["req", "-x509", "-subj", "/CN=Root", "-keyout", "ca.key", "-out", "ca.pem"], &key[..]]
                .concat(),
        );
        made.run(
            &[&["req", "-subj", "/CN=Stamps", "-keyout", "tsa.key", "-out", "tsa.csr"], &key[..]].concat(),
        );
        made.write("extensions", EXTENSIONS);
        made.run(&[
            "x509",
            "-req",
            "-in",
            "tsa.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-extfile",
            "extensions",
            "-out",
            "tsa.pem",
        ]);
        made.write("serial", "01\n");
        for (section, digests) in [("fine", "sha256"), ("picky", "sha512")] {
            let config = format!(
                "[tsa]\ndefault_tsa = a\n[a]\nserial = serial\nsigner_cert = tsa.pem\nsigner_key = tsa.key\n\
                 signer_digest = sha256\ndefault_policy = 1.2.3.4.1\ndigests = {digests}\naccuracy = secs:1\n\
                 ess_cert_id_alg = sha256\n"
            );
            made.write(section, &config);
        }
        made
    }

    /// Answers a query as an authority does that stamps SHA-256.
    pub(crate) fn answer(&self, query: &[u8]) -> Vec<u8> {
        self.reply("fine", query)
    }

    /// Refuses a query, since it is not for SHA-512.
    pub(crate) fn refuse(&self, query: &[u8]) -> Vec<u8> {
        self.reply("picky", query)
    }

    /// What an auditor runs.
    pub(crate) fn verifies(&self, data: &Path, response: &Path) -> bool {
        let mut command = self.openssl(&["ts", "-verify", "-CAfile", "ca.pem"]);
        command.arg("-data").arg(data).arg("-in").arg(response).output().unwrap().status.success()
    }

    fn reply(&self, config: &str, query: &[u8]) -> Vec<u8> {
        std::fs::write(self.path("query"), query).unwrap();
        self.run(&["ts", "-reply", "-config", config, "-queryfile", "query", "-out", "reply"]);
        std::fs::read(self.path("reply")).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn openssl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("openssl");
        command.args(arguments).current_dir(self.directory.path());
        command
    }

    fn run(&self, arguments: &[&str]) {
        let Output { status, stdout: _, stderr } = self.openssl(arguments).output().unwrap();
        assert!(status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&stderr));
    }
}
