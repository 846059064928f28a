//! Client certificates that have run out: their handshake is let to its end.
//!
//! A machine that was switched off for longer than its certificate was good holds the same key as before, and nobody is there to bring it a new sheet.
//! So expiry is no matter of the handshake here: whoever looks the certificate up afterwards decides what may still be asked with it. Everything else
//! is: who signed it, what for, and that the peer holds its key.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::tls::validity_of_der;

/// As `strict`, and a certificate is judged by its own last moment where that has gone by.
#[derive(Debug)]
pub(crate) struct EvenExpired {
    pub(crate) strict: Arc<dyn ClientCertVerifier>,
}

impl ClientCertVerifier for EvenExpired {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.strict.root_hint_subjects()
    }

    fn offer_client_auth(&self) -> bool {
        self.strict.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.strict.client_auth_mandatory()
    }

    fn verify_client_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match self.strict.verify_client_cert(shown, between, now) {
            Err(Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            )) => {
                let last = validity_of_der(shown)
                    .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?
                    .until;
                let last = UnixTime::since_unix_epoch(Duration::from_secs(last.unix_seconds()));
                self.strict.verify_client_cert(shown, between, last)
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.strict.verify_tls12_signature(message, shown, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.strict.verify_tls13_signature(message, shown, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.strict.supported_verify_schemes()
    }
}
