//! What the authority issues, and how a certificate is named afterwards: by the digest of its bytes.

use std::fmt;
use std::time::Duration;

use contract::digest::Digest;
use contract::ids::{HostId, SiteId, TenantId};
use contract::time::UtcTime;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType,
    SerialNumber, date_time_ymd,
};

use crate::IdentityError;

/// Certificates begin this much before they are issued: the other machine's clock may be behind this one.
const BACKDATED_MS: i64 = 60 * 60 * 1000;

/// The digest of a certificate's DER bytes: the only name by which certificates are looked up.
pub fn fingerprint(der: &[u8]) -> Digest {
    Digest::of(der)
}

/// Whom a client certificate is for. The hub takes these from its own registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The tenant.
    pub tenant: TenantId,
    /// The site.
    pub site: SiteId,
    /// The host.
    pub host: HostId,
}

impl Holder {
    /// `spiffe://<domain>/<tenant>/<site>/<host>`, for people and programs that look into a certificate. Nothing here is decided by it.
    pub fn uri(&self, domain: &str) -> String {
        format!("spiffe://{domain}/{}/{}/{}", self.tenant, self.site, self.host)
    }
}

/// From when until when a certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first instant.
    pub from: UtcTime,
    /// The last instant.
    pub until: UtcTime,
}

impl Validity {
    /// From an hour before `now` until `days` after it.
    pub fn days(now: UtcTime, days: u32) -> Self {
        let from = UtcTime::from_unix_ms(now.unix_ms().saturating_sub(BACKDATED_MS)).unwrap_or(now);
        Self { from, until: now.plus_ms(u64::from(days) * 24 * 60 * 60 * 1000) }
    }

    /// When it is to be renewed: two thirds through, so that ten days of trouble of a month's certificate cost nothing.
    pub fn due(&self) -> UtcTime {
        self.from.plus_ms(self.until.ms_since(self.from) / 3 * 2)
    }

    /// Whether `now` lies within.
    pub fn holds(&self, now: UtcTime) -> bool {
        self.from <= now && now <= self.until
    }
}

/// A client certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// In PEM.
    pub certificate_pem: String,
    /// Its name in the registry.
    pub fingerprint: Digest,
    /// When it is good.
    pub validity: Validity,
}

/// A certificate with its key, made by the hub, good for one enrolment.
pub struct Bootstrap {
    /// The certificate.
    pub issued: Issued,
    /// Its key, in PEM. Secret.
    pub key_pem: String,
}

impl fmt::Debug for Bootstrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bootstrap").field("issued", &self.issued).finish_non_exhaustive()
    }
}

/// What a leaf certificate is used for.
pub(crate) enum Leaf<'a> {
    Server { names: &'a [String] },
    Client { holder: &'a Holder, domain: &'a str, common_name: &'a str },
}

/// Everything a leaf says. The serial number is random, so that two certificates over one key differ.
pub(crate) fn leaf(leaf: &Leaf<'_>, validity: Validity) -> Result<CertificateParams, IdentityError> {
    let make = |source| IdentityError::Make { what: "certificate", source };
    let (mut params, common_name, usage) = match leaf {
        Leaf::Server { names } => {
            let params = CertificateParams::new(names.to_vec()).map_err(make)?;
            (params, "suture-hub", ExtendedKeyUsagePurpose::ServerAuth)
        }
        Leaf::Client { holder, domain, common_name } => {
            let mut params = CertificateParams::default();
            params.subject_alt_names.push(SanType::URI(holder.uri(domain).try_into().map_err(make)?));
            (params, *common_name, ExtendedKeyUsagePurpose::ClientAuth)
        }
    };
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    dress(&mut params, common_name, validity)?;
    Ok(params)
}

/// What every certificate of ours has: a name for people, a validity and a random serial number.
pub(crate) fn dress(
    params: &mut CertificateParams,
    common_name: &str,
    validity: Validity,
) -> Result<(), IdentityError> {
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(IdentityError::Random)?;
    // RFC 5280 §4.1.2.2: positive.
    serial[0] &= 0x7f;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(1970, 1, 1) + Duration::from_secs(validity.from.unix_seconds());
    params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(validity.until.unix_seconds());
    Ok(())
}
