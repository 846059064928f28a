//! Asking the provider: what it offers (`OpenID` Connect Discovery 1.0), a token for a code, and its keys. Over TLS alone, without following anybody elsewhere.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use edge::file::{FileError, SECRET_BYTES_MAX, read_secret};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use rustls_platform_verifier::BuilderVerifierExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::claims::Expects;
use super::token::Keys;
use crate::config::Oidc as Told;
use crate::problem::chain;

/// How long it may take for one answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// The longest answer.
const ANSWER_MAX_BYTES: usize = 256 * 1024;
/// How long what it offers is believed: anybody can begin a login, and it is not asked each time.
const OFFERS_TIME: Duration = Duration::from_secs(600);

/// Why a hub cannot use the provider that it was told of.
#[derive(Debug, Error)]
pub enum OidcError {
    /// Not over TLS, or no address.
    #[error(
        "{0:?} is no issuer: it is an https:// address without a query, as the provider's own documents write it"
    )]
    Issuer(String),
    /// The client's secret cannot be used.
    #[error("the client's secret cannot be used")]
    Secret(#[source] FileError),
    /// A file cannot be read, or is empty.
    #[error("{path} cannot be used as {what}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// Its certificates cannot be checked.
    #[error("the provider's certificates cannot be checked")]
    Tls(#[source] rustls::Error),
    /// There is nobody to ask with.
    #[error("no requests can be made")]
    Requests(#[source] reqwest::Error),
}

/// Why the provider's answer is of no use.
#[derive(Debug, Error)]
pub(crate) enum ProviderFault {
    /// No answer, or none that makes sense.
    #[error("asked for {what}: {why}")]
    Answer {
        /// What was asked for.
        what: &'static str,
        /// Why not.
        why: String,
    },
    /// It says that it is somebody else.
    #[error("what is published under the issuer's address is another issuer's")]
    OtherIssuer,
}

/// One provider.
#[derive(Debug)]
pub(super) struct Provider {
    /// Its machine's name, for people.
    name: String,
    /// As it was told: issuers are compared letter by letter.
    issuer: String,
    client_id: String,
    client_secret: Hidden,
    redirect: String,
    requests: Client,
    offers: Mutex<Option<(Offers, Instant)>>,
}

struct Hidden(String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden")
    }
}

#[derive(Debug, Clone, Deserialize)]
struct Offers {
    issuer: String,
    authorization_endpoint: OverTls,
    token_endpoint: OverTls,
    jwks_uri: OverTls,
}

/// An address that is reached over TLS.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct OverTls(Url);

impl TryFrom<String> for OverTls {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let url = text.parse::<Url>().ok().filter(|url| url.scheme() == "https");
        url.map(Self).ok_or("an address is not reached over TLS")
    }
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

impl Provider {
    pub(super) fn open(told: &Told, redirect: String) -> Result<Self, OidcError> {
        let Told { issuer: text, client, secret, authority } = told;
        let bad = || OidcError::Issuer(text.clone());
        let issuer: Url = text.parse().map_err(|_| bad())?;
        if issuer.scheme() != "https" || issuer.query().is_some() || issuer.fragment().is_some() {
            return Err(bad());
        }
        let client_secret = read_secret(secret, SECRET_BYTES_MAX).map_err(OidcError::Secret)?;
        let requests = Client::builder()
            .tls_backend_preconfigured(tls(authority.as_ref())?)
            .timeout(ANSWER_TIME_MAX)
            .redirect(Policy::none())
            .build()
            .map_err(OidcError::Requests)?;
        Ok(Self {
            name: issuer.host_str().ok_or_else(bad)?.to_owned(),
            issuer: text.clone(),
            client_id: client.clone(),
            client_secret: Hidden(client_secret),
            redirect,
            requests,
            offers: Mutex::default(),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn expects(&self, nonce: String) -> Expects {
        Expects { issuer: self.issuer.clone(), client: self.client_id.clone(), nonce }
    }

    /// Where a browser goes with this login.
    pub(super) async fn authorize(
        &self,
        state: &str,
        nonce: &str,
        challenge: &str,
    ) -> Result<Url, ProviderFault> {
        let OverTls(mut to) = self.offers().await?.authorization_endpoint;
        to.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("scope", "openid"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect),
            ("state", state),
            ("nonce", nonce),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ]);
        Ok(to)
    }

    /// The token for a code, and the keys that it is to be checked by.
    pub(super) async fn exchange(&self, code: &str, verifier: &str) -> Result<(String, Keys), ProviderFault> {
        let offers = self.offers().await?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect),
            ("code_verifier", verifier),
        ];
        let body = Url::parse_with_params("x:", form).ok().and_then(|url| url.query().map(str::to_owned));
        // RFC 6749, section 2.3.1: both are encoded before they are put together.
        let encoded = |text: &str| form_encoded(text);
        let request = self
            .requests
            .post(offers.token_endpoint.0)
            .header("content-type", "application/x-www-form-urlencoded")
            .basic_auth(encoded(&self.client_id), Some(encoded(&self.client_secret.0)))
            .body(body.unwrap_or_default());
        let Tokens { id_token } = ask(request, "a token").await?;
        let keys = ask(self.requests.get(offers.jwks_uri.0), "its keys").await?;
        Ok((id_token, keys))
    }

    async fn offers(&self) -> Result<Offers, ProviderFault> {
        let held = self.offers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((offers, since)) = held
            && since.elapsed() < OFFERS_TIME
        {
            return Ok(offers);
        }
        let at = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let offers: Offers = ask(self.requests.get(at), "what it offers").await?;
        if offers.issuer != self.issuer {
            return Err(ProviderFault::OtherIssuer);
        }
        *self.offers.lock().unwrap_or_else(PoisonError::into_inner) = Some((offers.clone(), Instant::now()));
        Ok(offers)
    }
}

fn form_encoded(text: &str) -> String {
    let pair = Url::parse_with_params("x:", [("", text)]).ok();
    let query = pair.and_then(|url| url.query().map(str::to_owned)).unwrap_or_default();
    query.trim_start_matches('=').to_owned()
}

/// By the machine's own list of authorities, or by the one that was told.
fn tls(authority: Option<&PathBuf>) -> Result<ClientConfig, OidcError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(OidcError::Tls)?;
    let Some(path) = authority else {
        let checked = builder.with_platform_verifier().map_err(OidcError::Tls)?;
        return Ok(checked.with_no_client_auth());
    };
    let unusable = || OidcError::File { path: path.clone(), what: "the provider's authority, in PEM" };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|_| unusable())? {
        roots.add(certificate.map_err(|_| unusable())?).map_err(OidcError::Tls)?;
    }
    if roots.is_empty() {
        return Err(unusable());
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

async fn ask<T: DeserializeOwned>(request: RequestBuilder, what: &'static str) -> Result<T, ProviderFault> {
    let because = |why: String| ProviderFault::Answer { what, why };
    // Addresses are left out of what is traced: they may hold the code.
    let sent = |e: reqwest::Error| because(chain(&e.without_url()));
    let mut response = request.header("accept", "application/json").send().await.map_err(sent)?;
    if !response.status().is_success() {
        return Err(because(format!("it answered {}", response.status())));
    }
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(sent)? {
        if body.len() + part.len() > ANSWER_MAX_BYTES {
            return Err(because(format!("its answer is longer than {ANSWER_MAX_BYTES} bytes")));
        }
        body.extend_from_slice(&part);
    }
    serde_json::from_slice(&body).map_err(|_| because("its answer is not what belongs there".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_form_holds_is_encoded() {
        assert_eq!(form_encoded("a b:c/=&é"), "a+b%3Ac%2F%3D%26%C3%A9");
        assert_eq!(form_encoded("plain-1_2.3"), "plain-1_2.3");
    }
}
