//! Mail on its way out: over TLS, to a server that shows the right certificate, and not at all to any other.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::alerts::traced;
use crate::process::{serve, terminate};
use crate::running::{Process, made};

/// How a mail server begins.
const GREETING: &[u8] = b"220 mail.test\r\n";

/// How a server takes mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// Over TLS from the first byte.
    Implicit,
    /// After STARTTLS.
    Starttls,
    /// In plain text, and offers nothing else.
    Plain,
}

/// An authority of the test's own.
fn authority() -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let shown = authority.self_signed(&key).unwrap().pem();
    (shown, Issuer::new(authority, key))
}

/// A mail server with a certificate for this name: its port, and the mails that it took.
fn mail_server(name: &str, issuer: &Issuer<'static, KeyPair>, takes: Takes) -> (u16, Receiver<String>) {
    let key = KeyPair::generate().unwrap();
    let shown = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, issuer).unwrap();
    let tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![shown.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    let tls = Arc::new(tls);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, heard) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // One that goes away in the middle is one of those that the test is about.
            let _ = served(stream.unwrap(), &tls, takes, &told);
        }
    });
    (port, heard)
}

fn served(
    mut plain: TcpStream,
    tls: &Arc<ServerConfig>,
    takes: Takes,
    told: &Sender<String>,
) -> std::io::Result<()> {
    let behind = |plain| StreamOwned::new(ServerConnection::new(Arc::clone(tls)).unwrap(), plain);
    match takes {
        Takes::Implicit => {
            let mut stream = behind(plain);
            stream.write_all(GREETING)?;
            mailed(stream, told)
        }
        Takes::Plain => {
            plain.write_all(GREETING)?;
            mailed(plain, told)
        }
        Takes::Starttls => {
            plain.write_all(GREETING)?;
            let mut reader = BufReader::new(plain);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                let starts = line.trim_end() == "STARTTLS";
                let answer: &[u8] = match line.split_whitespace().next() {
                    Some("EHLO") => b"250-mail.test\r\n250 STARTTLS\r\n",
                    Some("STARTTLS") => b"220 go on\r\n",
                    _ => b"530 STARTTLS first\r\n",
                };
                reader.get_mut().write_all(answer)?;
                if starts {
                    return mailed(behind(reader.into_inner()), told);
                }
            }
        }
    }
}

/// Takes mails, and tells each: its envelope and its text.
fn mailed(stream: impl Read + Write, told: &Sender<String>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut all, mut in_data) = (String::new(), false);
    loop {
        reader.get_mut().flush()?;
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        all.push_str(&line);
        let answer: &[u8] = match line.trim_end() {
            "." if in_data => {
                in_data = false;
                let _ = told.send(std::mem::take(&mut all));
                b"250 taken\r\n"
            }
            _ if in_data => continue,
            "DATA" => {
                in_data = true;
                b"354 go on\r\n"
            }
            _ => b"250 ok\r\n",
        };
        reader.get_mut().write_all(answer)?;
    }
}

/// A hub that was never backed up, told to write to this server: its process, and its trace.
fn writes_to(port: u16, by: &str, trusted: &str) -> (tempfile::TempDir, Process, PathBuf) {
    let (root, directory, _) = made();
    let [alerts, authorities, trace] =
        ["alerts.yaml", "authorities.pem", "trace"].map(|name| directory.join(name));
    let yaml = format!(
        "version: 1\nbackup_within_hours: 1\nchannels:\n  mail: {{ smtp: {{ host: localhost, port: {port}, tls: {by}, from: \"hub@msp.example\", to: [\"help@msp.example\"] }} }}\nroutes: [{{ channels: [mail] }}]\n"
    );
    edge::file::write_durably(&alerts, yaml.as_bytes()).unwrap();
    edge::file::write_durably(&authorities, trusted.as_bytes()).unwrap();
    let mut command = serve(&directory);
    command.arg("--alerts").arg(&alerts).args(["--alerts-every-ms", "50", "--trace", "json"]);
    command.env("SSL_CERT_FILE", &authorities).env_remove("SSL_CERT_DIR");
    command.stderr(std::fs::File::create(&trace).unwrap());
    (root, Process::started(command), trace)
}

#[test]
fn mail_goes_over_tls_to_whoever_shows_the_right_certificate() {
    let (trusted, issuer) = authority();
    for (by, takes) in [("implicit", Takes::Implicit), ("starttls", Takes::Starttls)] {
        let (port, mails) = mail_server("localhost", &issuer, takes);
        let (_root, mut hub, _) = writes_to(port, by, &trusted);
        let mail = mails.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|e| panic!("{by}: {e}"));
        assert!(mail.contains("RCPT TO:<help@msp.example>"), "{by}: {mail}");
        assert!(
            mail.contains("Subject: [localhost] fault") && mail.contains("never backed up"),
            "{by}: {mail}"
        );
        assert_eq!(terminate(&mut hub.child), Some(0));
    }
}

#[test]
fn no_mail_goes_to_a_server_with_another_certificate_or_with_none() {
    let ((trusted, issuer), (_, stranger)) = (authority(), authority());
    for (by, takes, name, issuer, says) in [
        ("implicit", Takes::Implicit, "elsewhere.example", &issuer, "certificate"),
        ("implicit", Takes::Implicit, "localhost", &stranger, "certificate"),
        ("starttls", Takes::Starttls, "elsewhere.example", &issuer, "certificate"),
        ("starttls", Takes::Starttls, "localhost", &stranger, "certificate"),
        ("starttls", Takes::Plain, "localhost", &issuer, "STARTTLS"),
    ] {
        let (port, mails) = mail_server(name, issuer, takes);
        let (_root, mut hub, trace) = writes_to(port, by, &trusted);
        let said = traced(&trace, "an alert was not taken");
        assert!(said.contains(says), "{by} to {takes:?} for {name}: {said}");
        assert!(mails.try_recv().is_err(), "{by} to {takes:?} for {name} was taken");
        assert_eq!(terminate(&mut hub.child), Some(0));
    }
}
