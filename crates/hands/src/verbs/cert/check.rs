//! Whether a new certificate is one: its chain, its time, its key.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use contract::runbook::SandboxProfile;
use contract::time::UtcTime;
use x509_parser::prelude::{FromDer as _, Pem, X509Certificate};

use crate::{HandError, Place, Program};

const DAY_S: i64 = 24 * 60 * 60;
/// Making a public key of a private one takes milliseconds.
const OPENSSL_LIMIT_MS: u64 = 10_000;

/// What a certificate file says.
#[derive(Debug)]
pub(super) struct Chain {
    /// The public key of the first certificate, as DER.
    public_key: Vec<u8>,
    /// From when to when the first one is valid, in seconds since 1970.
    valid: (i64, i64),
    /// For whom it is.
    names: BTreeSet<String>,
    /// Whether nobody vouches for it but itself: what some clients leave where they could not get a real one.
    self_issued: bool,
}

fn refused(what: &'static str) -> HandError {
    HandError::NotAsDeclared { what }
}

impl Chain {
    /// Reads a certificate and those that vouch for it, in their order.
    pub(super) fn read(pem: &[u8]) -> Result<Self, HandError> {
        let unreadable = || refused("the new certificate cannot be read");
        let blocks: Vec<Pem> =
            Pem::iter_from_buffer(pem).collect::<Result<_, _>>().map_err(|_| unreadable())?;
        let mut certificates = Vec::new();
        for block in blocks.iter().filter(|block| block.label == "CERTIFICATE") {
            match X509Certificate::from_der(&block.contents) {
                Ok(([], certificate)) => certificates.push(certificate),
                Ok(_) | Err(_) => return Err(unreadable()),
            }
        }
        let first = certificates.first().ok_or_else(unreadable)?;
        if certificates.windows(2).any(|pair| pair[0].issuer().as_raw() != pair[1].subject().as_raw()) {
            return Err(refused("the new certificate's chain is not in order"));
        }
        let names = first.subject_alternative_name().map_err(|_| unreadable())?;
        let names = names.into_iter().flat_map(|names| &names.value.general_names);
        Ok(Self {
            public_key: first.public_key().raw.to_vec(),
            valid: (first.validity().not_before.timestamp(), first.validity().not_after.timestamp()),
            names: names.map(|name| format!("{name:?}")).collect(),
            self_issued: first.issuer().as_raw() == first.subject().as_raw(),
        })
    }

    /// Whole days that are left, if they are as many as were declared. The times of those that vouch for it are not judged: a cross-signed root that
    /// has expired is left in good chains for old devices.
    pub(super) fn days_left(&self, now: UtcTime, days_min: u32) -> Result<u64, HandError> {
        let now = now.unix_ms() / 1000;
        let (from, to) = self.valid;
        if from > now {
            return Err(refused("the new certificate is not valid yet"));
        }
        if to <= now {
            return Err(refused("the new certificate has expired"));
        }
        let days = (to - now) / DAY_S;
        if days < i64::from(days_min) {
            return Err(refused("the new certificate does not hold long enough"));
        }
        Ok(days.unsigned_abs())
    }

    /// Whether it can stand in for an older one. Names come and go by somebody's will, but one that shares none is another site's; and what an
    /// authority vouched for is not to be replaced by what nobody vouches for.
    pub(super) fn follows(&self, old: &Self) -> Result<(), HandError> {
        if !old.names.is_empty() && self.names.is_disjoint(&old.names) {
            return Err(refused("the new certificate is for other names"));
        }
        if self.self_issued && !old.self_issued {
            return Err(refused("nobody vouches for the new certificate"));
        }
        Ok(())
    }
}

/// The program that reads keys of every form that ACME clients write.
#[derive(Debug)]
pub(super) struct OpenSsl(PathBuf);

impl OpenSsl {
    /// In one of the places where it may lie.
    pub(super) fn find() -> Result<Self, HandError> {
        const PLACES: [&str; 2] = ["/usr/bin/openssl", "/run/current-system/sw/bin/openssl"];
        let found = PLACES.iter().find(|path| Path::new(path).is_file());
        let missing = || HandError::Program {
            program: PathBuf::from("openssl"),
            why: "it is not installed".to_owned(),
        };
        found.map(|path| Self(PathBuf::from(path))).ok_or_else(missing)
    }

    /// Whether `key` is the certificate's. It goes in by standard input and stands in no argument.
    pub(super) fn is_key_of(&self, key: &[u8], chain: &Chain, place: &Place<'_>) -> Result<(), HandError> {
        // An empty password: a key that wants one is no key that a service can read, and nobody is there to ask.
        let arguments = ["pkey", "-pubout", "-outform", "DER", "-passin", "pass:"];
        let ran = place.programs.run(&Program {
            path: self.0.clone(),
            input: key.to_vec(),
            profile: SandboxProfile::Strict,
            time_limit_ms: place.left_ms().min(OPENSSL_LIMIT_MS),
            ..Program::of_the_system("", &arguments)
        })?;
        if ran.status != Some(0) {
            Err(HandError::NotAsDeclared { what: "the new key cannot be read" })
        } else if ran.output != chain.public_key {
            Err(HandError::NotAsDeclared { what: "the new key is not that of the new certificate" })
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
