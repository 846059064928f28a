//! What can be told of a new certificate by reading it: its order, its time, its names. Signatures are [`openssl`](super::openssl)'s to verify.

use std::collections::BTreeSet;

use contract::time::UtcTime;
use x509_parser::prelude::{FromDer as _, Pem, X509Certificate};

use crate::HandError;

const DAY_S: i64 = 24 * 60 * 60;

/// One certificate of a chain.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    /// All of it, as DER.
    pub(super) der: Vec<u8>,
    /// Its public key, as DER.
    pub(super) public_key: Vec<u8>,
    subject: Vec<u8>,
    issuer: Vec<u8>,
}

impl Certificate {
    fn of(der: &[u8], certificate: &X509Certificate<'_>) -> Self {
        Self {
            der: der.to_vec(),
            public_key: certificate.public_key().raw.to_vec(),
            subject: certificate.subject().as_raw().to_vec(),
            issuer: certificate.issuer().as_raw().to_vec(),
        }
    }

    /// Whether nobody vouches for it but itself.
    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Whether it is the same authority's: it may have been issued anew, or by somebody else.
    fn is_of_the_same(&self, other: &Self) -> bool {
        self.public_key == other.public_key && self.subject == other.subject
    }
}

/// What a certificate file says.
#[derive(Debug)]
pub(super) struct Chain {
    /// The site's own.
    pub(super) first: Certificate,
    /// Those that vouch for it, each for the one before.
    pub(super) others: Vec<Certificate>,
    /// From when to when the first one is valid, in seconds since 1970.
    valid: (i64, i64),
    /// For whom it is.
    names: BTreeSet<String>,
}

pub(super) fn refused(what: &'static str) -> HandError {
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
                Ok(([], certificate)) => certificates.push((&block.contents, certificate)),
                Ok(_) | Err(_) => return Err(unreadable()),
            }
        }
        let (_, first) = certificates.first().ok_or_else(unreadable)?;
        if certificates.windows(2).any(|pair| pair[0].1.issuer().as_raw() != pair[1].1.subject().as_raw()) {
            return Err(refused("the new certificate's chain is not in order"));
        }
        let mut all = certificates.iter().map(|(der, certificate)| Certificate::of(der, certificate));
        let names = first.subject_alternative_name().map_err(|_| unreadable())?;
        let names = names.into_iter().flat_map(|names| &names.value.general_names);
        Ok(Self {
            first: all.next().ok_or_else(unreadable)?,
            others: all.collect(),
            valid: (first.validity().not_before.timestamp(), first.validity().not_after.timestamp()),
            names: names.map(|name| format!("{name:?}")).collect(),
        })
    }

    /// Whole days that are left, if they are as many as were declared. The times of those that vouch for it are not judged here: a cross-signed root
    /// that has expired is left in good chains for old devices.
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

    /// Whether it can stand in for an older one. Names come and go by somebody's will, but one that shares none is another site's; what an authority
    /// vouched for is not to be replaced by what nobody vouches for; and what visitors needed to get from the site to somebody whom they believe, they
    /// need still.
    pub(super) fn follows(&self, old: &Self) -> Result<(), HandError> {
        if !old.names.is_empty() && self.names.is_disjoint(&old.names) {
            return Err(refused("the new certificate is for other names"));
        }
        if self.first.is_self_issued() && !old.first.is_self_issued() {
            return Err(refused("nobody vouches for the new certificate"));
        }
        if self.others.is_empty() && old.others.iter().any(|other| !other.is_self_issued()) {
            return Err(refused(
                "the new certificate comes without those that vouch for it, which the old one had",
            ));
        }
        Ok(())
    }

    /// The authority that the old chain led to, as far as the new one leads there, too: where a private authority is in no store, whoever believed
    /// the old chain believed this key. A root may be left out of a new chain, anything else not.
    pub(super) fn authority_of<'a>(&'a self, old: &'a Self) -> Option<&'a Certificate> {
        let top = old.others.last()?;
        let named = self.others.iter().find(|other| other.is_of_the_same(top));
        named.or_else(|| top.is_self_issued().then_some(top))
    }
}

#[cfg(test)]
mod tests;
