//! Certificates that were declared to Suture, and their keys.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use contract::fact::{Absence, FactValue, Observation};
use x509_parser::prelude::{FromDer as _, Pem, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::FactSource;
use crate::config::Config;
use crate::inputs::{self, HOUR, Input};
use crate::root::count;

const DAY_S: i64 = 24 * 60 * 60;
/// NIST SP 800-131A.
const RSA_BITS_MIN: usize = 2048;
/// Signatures made with MD5 or SHA-1: RSA with each, DSA and ECDSA with SHA-1.
const WEAK_SIGNATURES: [&str; 4] =
    ["1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.2.840.10040.4.3", "1.2.840.10045.4.1"];

/// RFC 7468, section 5.1.
const PEM_LABEL: &str = "CERTIFICATE";

/// Where systems keep the roots that they believe, all in one file: Debian and NixOS, Fedora, SUSE.
pub const ROOT_STORES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/// Certificates and keys.
pub(crate) struct Tls<'a> {
    config: &'a Config,
}

impl<'a> Tls<'a> {
    pub(crate) const fn new(config: &'a Config) -> Self {
        Self { config }
    }

    /// Applies `look` to the first certificate of each file: the machine's own, before those that vouch for it.
    fn each<T>(&self, look: impl Fn(&X509Certificate<'_>) -> T) -> Result<Vec<T>, Absence> {
        self.files()?.iter().map(|file| self.first(file, &look)).collect()
    }

    fn files(&self) -> Result<&'a [PathBuf], Absence> {
        let files = &self.config.certificates;
        if files.is_empty() { Err(Absence::NotDeclared) } else { Ok(files) }
    }

    fn first<T>(&self, file: &Path, look: impl Fn(&X509Certificate<'_>) -> T) -> Result<T, Absence> {
        let bytes = self.config.root.bytes(file)?;
        let pem = Pem::iter_from_buffer(&bytes).filter_map(Result::ok).find(|p| p.label == PEM_LABEL);
        let der = pem.map_or(bytes, |p| p.contents);
        let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| Absence::Malformed)?;
        Ok(look(&certificate))
    }

    /// Until the first of them ends; negative where one has.
    fn days_left(&self) -> Observation {
        let now = (self.config.clock)().unix_ms() / 1000;
        let ends = self.each(|c| c.validity().not_after.timestamp())?;
        let first = ends.into_iter().min().ok_or(Absence::NotDeclared)?;
        Ok(FactValue::Number((first - now).div_euclid(DAY_S)))
    }

    fn weak_certificates(&self) -> Observation {
        let is_weak = |c: &X509Certificate<'_>| {
            let signature = c.signature_algorithm.algorithm.to_id_string();
            let short_key = match c.public_key().parsed() {
                Ok(PublicKey::RSA(key)) => key.key_size() < RSA_BITS_MIN,
                Ok(PublicKey::DSA(_)) => true,
                _ => false,
            };
            short_key || WEAK_SIGNATURES.contains(&signature.as_str())
        };
        count(self.each(is_weak)?.into_iter().filter(|weak| *weak).count())
    }

    /// Files whose first certificate is not the site's own, since it vouches for another one there, or comes without the one that vouches for it: neither in the
    /// file, nor among the roots that this machine believes. Whoever is served it finds no way to anybody (RFC 8446, section 4.4.2). By names alone.
    fn broken_chains(&self) -> Observation {
        let broken = self.files()?.iter().map(|file| self.is_broken(file)).collect::<Result<Vec<_>, _>>()?;
        count(broken.into_iter().filter(|is| *is).count())
    }

    fn is_broken(&self, file: &Path) -> Result<bool, Absence> {
        let bytes = self.config.root.bytes(file)?;
        let blocks = certificates(&bytes);
        // DER holds one certificate.
        let ders = if blocks.is_empty() { vec![bytes] } else { blocks };
        let chain = parsed(&ders)?;
        let [first, others @ ..] = &chain[..] else { return Err(Absence::Malformed) };
        let issues = |issuer: &X509Certificate<'_>, of: &X509Certificate<'_>| {
            issuer.subject().as_raw() == of.issuer().as_raw()
                && of.subject().as_raw() != issuer.subject().as_raw()
        };
        if others.iter().any(|other| issues(first, other)) {
            return Ok(true);
        }
        let is_self_issued = first.subject().as_raw() == first.issuer().as_raw();
        if is_self_issued || others.iter().any(|other| issues(other, first)) {
            return Ok(false);
        }
        Ok(!self.is_root(first.issuer().as_raw())?)
    }

    /// Whether the machine believes an authority of this name.
    fn is_root(&self, name: &[u8]) -> Result<bool, Absence> {
        let root = &self.config.root;
        let store =
            ROOT_STORES.into_iter().find_map(|path| root.bytes(path).ok()).ok_or(Absence::Unsupported)?;
        let is_it =
            |der: &Vec<u8>| X509Certificate::from_der(der).is_ok_and(|(_, c)| c.subject().as_raw() == name);
        Ok(certificates(&store).iter().any(is_it))
    }

    /// Keys that others than their owner may change, or anyone may read. A group that reads is how a web server gets its key.
    fn exposed_keys(&self) -> Observation {
        let files = &self.config.certificate_keys;
        if files.is_empty() {
            return Err(Absence::NotDeclared);
        }
        let mut exposed = 0;
        for file in files {
            let real =
                std::fs::metadata(self.config.root.path(file)).map_err(|e| self.config.root.absence(&e))?;
            exposed += usize::from(real.mode() & 0o037 != 0);
        }
        count(exposed)
    }
}

impl FactSource for Tls<'_> {
    fn read(&self, name: &str) -> Observation {
        match name {
            "days_left" => self.days_left(),
            "weak_certificates" => self.weak_certificates(),
            "broken_chains" => self.broken_chains(),
            "exposed_keys" => self.exposed_keys(),
            _ => Err(Absence::Unsupported),
        }
    }

    fn inputs(&self, name: &str) -> Vec<Input> {
        let Config { root, certificates, certificate_keys, .. } = self.config;
        match name {
            "days_left" => {
                [inputs::files(root, certificates), vec![Input::Clock, Input::Every(HOUR)]].concat()
            }
            // Declared to us, or not: that changes with our own configuration, which is read at the start.
            "weak_certificates" => [inputs::files(root, certificates), vec![Input::Every(HOUR)]].concat(),
            "broken_chains" => {
                let stores = inputs::files(root, ROOT_STORES);
                [inputs::files(root, certificates), stores, vec![Input::Every(HOUR)]].concat()
            }
            "exposed_keys" => [inputs::files(root, certificate_keys), vec![Input::Every(HOUR)]].concat(),
            _ => Vec::new(),
        }
    }
}

/// The certificates of a file of PEM, as DER. What else stands there, a key, say, is passed over.
fn certificates(pem: &[u8]) -> Vec<Vec<u8>> {
    let blocks = Pem::iter_from_buffer(pem).filter_map(Result::ok);
    blocks.filter(|block| block.label == PEM_LABEL).map(|block| block.contents).collect()
}

fn parsed(ders: &[Vec<u8>]) -> Result<Vec<X509Certificate<'_>>, Absence> {
    let one = |der| X509Certificate::from_der(der).map(|(_, certificate)| certificate);
    ders.iter().map(|der| one(der)).collect::<Result<_, _>>().map_err(|_| Absence::Malformed)
}
