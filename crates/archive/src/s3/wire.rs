//! Signed requests to one bucket. No proxy, no redirect: a request is signed for one place.

use std::time::Duration;

use contract::digest::hex;
use contract::time::UtcTime;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Response, StatusCode};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;
use sha2::{Digest as _, Sha256};

use super::answer::refusal;
use super::place::{Credentials, Place, Region};
use super::sign::{Unsigned, authorization, encoded, stamp};
use crate::error::StoreError;
use crate::key::Key;

/// How long one request may take: a full bundle is at most some megabytes.
const LIMIT: Duration = Duration::from_secs(60);
/// The longest answer that is read.
const ANSWER_MAX_BYTES: usize = 64 << 20;

/// One bucket, and how it is spoken to.
#[derive(Debug)]
pub(super) struct Wire {
    place: Place,
    region: Region,
    credentials: Credentials,
    client: Client,
    /// Signatures hold for some minutes around this clock's time.
    clock: fn() -> UtcTime,
}

/// One request.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) key: Option<&'a Key>,
    /// Sorted by name.
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl<'a> Ask<'a> {
    /// A request that reads.
    pub(super) const fn get(key: Option<&'a Key>, query: Vec<(&'static str, String)>) -> Self {
        Self { method: Method::GET, key, query, headers: Vec::new(), body: Vec::new() }
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Told {
    /// The body of a success; anything else is the error that it names.
    pub(super) fn success(self) -> Result<Self, StoreError> {
        if self.status.is_success() {
            Ok(self)
        } else {
            Err(refusal(self.status, &String::from_utf8_lossy(&self.body)))
        }
    }

    /// The body as text.
    pub(super) fn text(self) -> Result<String, StoreError> {
        String::from_utf8(self.body).map_err(|_| StoreError::Unfitting("it is not UTF-8".to_owned()))
    }
}

impl Wire {
    pub(super) fn new(
        place: Place,
        region: Region,
        credentials: Credentials,
        clock: fn() -> UtcTime,
    ) -> Result<Self, StoreError> {
        let setup = |e: &dyn std::error::Error| StoreError::SetUp(format!("TLS cannot be used: {e}"));
        // One provider, named here: nothing is installed for the whole process.
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(|e| setup(&e))?
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(LIMIT)
            .build()
            .map_err(|e| setup(&e))?;
        Ok(Self { place, region, credentials, client, clock })
    }

    /// The name in the bucket.
    pub(super) fn name(&self, key: &Key) -> String {
        self.place.prefix.as_ref().map_or_else(|| key.to_string(), |prefix| format!("{prefix}/{key}"))
    }

    /// The key of a name in the bucket; none where it is not below our prefix, or no key of ours.
    pub(super) fn key(&self, name: &str) -> Option<Key> {
        let below = match &self.place.prefix {
            Some(prefix) => name.strip_prefix(prefix.as_str())?.strip_prefix('/')?,
            None => name,
        };
        below.parse().ok()
    }

    /// Signs, sends, and reads the whole answer.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Told, StoreError> {
        let Ask { method, key, query, headers, body } = ask;
        let path = match key {
            Some(key) => format!("/{}/{}", self.place.bucket, self.name(key)),
            None => format!("/{}", self.place.bucket),
        };
        let mut url = self.place.endpoint.clone();
        url.set_path(&path);
        if !query.is_empty() {
            url.set_query(Some(&encoded(&query)));
        }
        let headers = self.signed(&method, &path, &query, headers, &body);
        let mut request = self.client.request(method, url).body(body);
        for (name, value) in headers.iter().filter(|(name, _)| name != "host") {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(|e| away(&e))?;
        told(response).await
    }

    fn signed(
        &self,
        method: &Method,
        path: &str,
        query: &[(&str, String)],
        headers: Vec<(&'static str, String)>,
        body: &[u8],
    ) -> Vec<(String, String)> {
        let (stamp, body_digest) = (stamp((self.clock)()), hex(&Sha256::digest(body)));
        let mut all: Vec<(String, String)> = headers.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        all.push(("host".to_owned(), self.place.endpoint.authority().to_owned()));
        all.push(("x-amz-content-sha256".to_owned(), body_digest.clone()));
        all.push(("x-amz-date".to_owned(), stamp.clone()));
        if let Some(token) = &self.credentials.session_token {
            all.push(("x-amz-security-token".to_owned(), token.clone()));
        }
        all.sort();
        let request =
            Unsigned { method: method.as_str(), path, query, headers: &all, body_digest: &body_digest };
        let line = authorization(&request, &stamp, &self.region, &self.credentials);
        all.push(("authorization".to_owned(), line));
        all
    }
}

async fn told(mut response: Response) -> Result<Told, StoreError> {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| away(&e))? {
        if body.len() + chunk.len() > ANSWER_MAX_BYTES {
            return Err(StoreError::Unfitting(format!("it is longer than {ANSWER_MAX_BYTES} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Told { status, headers, body })
}

/// The whole chain: the outermost error of the HTTP library says only that sending failed.
fn away(error: &reqwest::Error) -> StoreError {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |e| e.source());
    StoreError::Away(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}
