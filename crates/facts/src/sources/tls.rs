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

    /// Files in which a certificate is not followed by the one that vouches for it (RFC 8446, section 4.4.2): who is served such a chain may not find the way to
    /// anybody whom they believe. Names alone are held against each other, no signature is verified.
    fn disordered_chains(&self) -> Observation {
        let files = self.files()?;
        let disordered = files.iter().map(|file| self.is_disordered(file)).collect::<Result<Vec<_>, _>>()?;
        count(disordered.into_iter().filter(|is| *is).count())
    }

    fn is_disordered(&self, file: &Path) -> Result<bool, Absence> {
        let bytes = self.config.root.bytes(file)?;
        let blocks: Vec<Pem> =
            Pem::iter_from_buffer(&bytes).collect::<Result<_, _>>().map_err(|_| Absence::Malformed)?;
        let labelled = blocks.iter().filter(|block| block.label == PEM_LABEL);
        // DER holds one certificate.
        let ders: Vec<&[u8]> =
            if blocks.is_empty() { vec![&bytes] } else { labelled.map(|b| &b.contents[..]).collect() };
        let chain: Vec<X509Certificate<'_>> = ders
            .iter()
            .map(|der| X509Certificate::from_der(der).map(|(_, certificate)| certificate))
            .collect::<Result<_, _>>()
            .map_err(|_| Absence::Malformed)?;
        if chain.is_empty() {
            return Err(Absence::Malformed);
        }
        Ok(chain.windows(2).any(|pair| pair[0].issuer().as_raw() != pair[1].subject().as_raw()))
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
            "disordered_chains" => self.disordered_chains(),
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
            "weak_certificates" | "disordered_chains" => {
                [inputs::files(root, certificates), vec![Input::Every(HOUR)]].concat()
            }
            "exposed_keys" => [inputs::files(root, certificate_keys), vec![Input::Every(HOUR)]].concat(),
            _ => Vec::new(),
        }
    }
}
