//! The hub's authority: the one root that its devices believe, and that it believes itself.

use std::fmt;
use std::time::Duration;

use contract::time::UtcTime;
use rcgen::PKCS_ECDSA_P256_SHA256;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::issue::{Leaf, dress, leaf};
use crate::{Bootstrap, Holder, IdentityError, Issued, Validity, VerifiedRequest, fingerprint};

/// How long the authority itself is good. A device pins it, so it outlives everything it signs.
const AUTHORITY_DAYS: u32 = 20 * 365;
/// How long a device's certificate is good.
const DEVICE_DAYS: u32 = 30;
/// How long a bootstrap certificate waits for the machine it was made for.
const BOOTSTRAP_DAYS: u32 = 1;
/// How long a list of revoked certificates is good.
const REVOCATIONS_DAYS: u32 = 1;
/// How long a server certificate is good. It is made anew long before, without a restart.
const SERVER_DAYS: u32 = 30;

/// The hub's authority with its secret key. `Debug` shows the certificate only.
pub struct Authority {
    domain: String,
    certificate_pem: String,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes a new authority for the hub called `name`.
    pub fn create(name: &str, now: UtcTime) -> Result<Self, IdentityError> {
        let make = |source| IdentityError::Make { what: "authority", source };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(make)?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        dress(&mut params, &format!("Suture hub {name}"), Validity::days(now, AUTHORITY_DAYS))?;
        let certificate = params.self_signed(&key).map_err(make)?;
        Ok(Self {
            domain: name.to_owned(),
            certificate_pem: certificate.pem(),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        })
    }

    /// Reads the authority of the hub called `name` back from its two PEM texts, which must be of one pair.
    pub fn load(certificate_pem: &str, key_pem: &str, name: &str) -> Result<Self, IdentityError> {
        let not_a_certificate = || IdentityError::Pem { what: "certificate" };
        let key = KeyPair::from_pem(key_pem).map_err(|_| IdentityError::Pem { what: "private key" })?;
        let certificate =
            CertificateDer::from_pem_slice(certificate_pem.as_bytes()).map_err(|_| not_a_certificate())?;
        let (_, parsed) =
            x509_parser::parse_x509_certificate(&certificate).map_err(|_| not_a_certificate())?;
        if parsed.public_key().subject_public_key.data != key.public_key_raw() {
            return Err(IdentityError::NotAPair);
        }
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(|_| not_a_certificate())?;
        Ok(Self { domain: name.to_owned(), certificate_pem: certificate_pem.to_owned(), certificate, issuer })
    }

    /// The same for an authority that somebody else made, an intermediate one most often: it must be one, for certificates and for lists of revoked ones
    /// (RFC 5280, sections 4.2.1.3 and 4.2.1.9), and must not end before what it signs first does.
    pub fn of_others(
        certificate_pem: &str,
        key_pem: &str,
        name: &str,
        now: UtcTime,
    ) -> Result<Self, IdentityError> {
        let authority = Self::load(certificate_pem, key_pem, name)?;
        let (_, parsed) = x509_parser::parse_x509_certificate(&authority.certificate)
            .map_err(|_| IdentityError::Pem { what: "certificate" })?;
        let unfit = |why| Err(IdentityError::NotAnAuthority(why));
        let usage = parsed.key_usage().ok().flatten();
        if !parsed.is_ca() {
            return unfit("its basic constraints do not say so");
        }
        if !usage.is_some_and(|usage| usage.value.key_cert_sign() && usage.value.crl_sign()) {
            return unfit("its key usage does not hold both keyCertSign and cRLSign");
        }
        let (own, first) = (parsed.validity(), Validity::days(now, DEVICE_DAYS));
        let ms = |time: x509_parser::time::ASN1Time| time.timestamp().saturating_mul(1000);
        if now.unix_ms() < ms(own.not_before) || first.until.unix_ms() > ms(own.not_after) {
            return unfit("it is not valid from now on for as long as a machine's certificate is");
        }
        Ok(authority)
    }

    /// The certificate in PEM: what devices are handed at enrolment.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The secret key in PEM: for a file of mode 0600 and nothing else.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// Signs a device's public key under the names of `holder`, for 30 days.
    pub fn device(
        &self,
        request: &VerifiedRequest,
        holder: &Holder,
        now: UtcTime,
    ) -> Result<Issued, IdentityError> {
        let validity = Validity::days(now, DEVICE_DAYS);
        let params =
            leaf(&Leaf::Client { holder, domain: &self.domain, common_name: "suture-agent" }, validity)?;
        let certificate = params.signed_by(request.key(), &self.issuer).map_err(make_certificate)?;
        Ok(issued(&certificate, validity))
    }

    /// Makes a key and a certificate that is good for one enrolment, for a day.
    pub fn bootstrap(&self, holder: &Holder, now: UtcTime) -> Result<Bootstrap, IdentityError> {
        let validity = Validity::days(now, BOOTSTRAP_DAYS);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(make_certificate)?;
        let params =
            leaf(&Leaf::Client { holder, domain: &self.domain, common_name: "suture-enrolment" }, validity)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(make_certificate)?;
        Ok(Bootstrap { issued: issued(&certificate, validity), key_pem: key.serialize_pem() })
    }

    /// Signs the list of what was revoked (in PEM, and since when), good for a day: for whoever stands between devices and the hub, or checks certificates beside it.
    pub fn revocations(&self, revoked: &[(String, UtcTime)], now: UtcTime) -> Result<String, IdentityError> {
        let make = |source| IdentityError::Make { what: "list of revoked certificates", source };
        let validity = Validity::days(now, REVOCATIONS_DAYS);
        let instant = |time: UtcTime| date_time_ymd(1970, 1, 1) + Duration::from_secs(time.unix_seconds());
        let entry = |(pem, since): &(String, UtcTime)| {
            let bent = || IdentityError::Pem { what: "certificate" };
            let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| bent())?;
            let (_, parsed) = x509_parser::parse_x509_certificate(&der).map_err(|_| bent())?;
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from_slice(parsed.raw_serial()),
                revocation_time: instant(*since),
                reason_code: Some(RevocationReason::CessationOfOperation),
                invalidity_date: None,
            })
        };
        let params = CertificateRevocationListParams {
            this_update: instant(validity.from),
            next_update: instant(validity.until),
            crl_number: SerialNumber::from(now.unix_ms().unsigned_abs()),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect::<Result<_, IdentityError>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        match params.signed_by(&self.issuer).and_then(|list| list.pem()) {
            Err(rcgen::Error::IssuerNotCrlSigner) => Err(IdentityError::NoLists),
            signed => signed.map_err(make),
        }
    }

    /// Makes a key and a server certificate for `names` (host names and addresses). The key lives in memory only.
    pub(crate) fn server(&self, names: &[String], now: UtcTime) -> Result<ServerCertificate, IdentityError> {
        let validity = Validity::days(now, SERVER_DAYS);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(make_certificate)?;
        let certificate = leaf(&Leaf::Server { names }, validity)?
            .signed_by(&key, &self.issuer)
            .map_err(make_certificate)?;
        Ok(ServerCertificate {
            certificate: certificate.der().clone(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            validity,
        })
    }

    pub(crate) const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({}, secret hidden)", fingerprint(&self.certificate))
    }
}

pub(crate) struct ServerCertificate {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: PrivateKeyDer<'static>,
    pub(crate) validity: Validity,
}

fn make_certificate(source: rcgen::Error) -> IdentityError {
    IdentityError::Make { what: "certificate", source }
}

fn issued(certificate: &Certificate, validity: Validity) -> Issued {
    Issued { certificate_pem: certificate.pem(), fingerprint: fingerprint(certificate.der()), validity }
}
