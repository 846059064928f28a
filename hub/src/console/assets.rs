//! Style sheet, script and icon: compiled in, and named by their digests, so that a browser may keep each for ever and never has an old one.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use contract::digest::Digest;

use super::{faults, of_console};

/// One file.
#[derive(Debug)]
pub(super) struct Asset {
    name: String,
    media: &'static str,
    bytes: &'static [u8],
}

impl Asset {
    fn new(stem: &str, extension: &str, media: &'static str, bytes: &'static [u8]) -> Self {
        let digest = Digest::of(bytes).to_string();
        let hex = digest.rsplit(':').next().unwrap_or(&digest);
        Self { name: format!("{stem}.{}.{extension}", hex.get(..16).unwrap_or(hex)), media, bytes }
    }

    /// Where it is fetched.
    pub(super) fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("suture", "css", "text/css; charset=utf-8", include_bytes!("assets/suture.css"))
});
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("suture", "js", "text/javascript; charset=utf-8", include_bytes!("assets/suture.js"))
});
/// What is done with keys in the browser.
pub(super) static EVIDENCE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("evidence", "js", "text/javascript; charset=utf-8", include_bytes!("assets/evidence.js"))
});
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("suture", "svg", "image/svg+xml", include_bytes!("assets/suture.svg")));

/// `GET /assets/{name}`. An old name is none: pages name the new one.
pub(super) async fn fetch(Path(name): Path<String>) -> Response {
    let all: [&Asset; 4] = [&STYLE, &SCRIPT, &EVIDENCE, &ICON];
    let Some(found) = all.into_iter().find(|asset| asset.name == name) else {
        return faults::not_found();
    };
    let mut response = (StatusCode::OK, found.bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(found.media));
    let for_ever = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(header::CACHE_CONTROL, for_ever);
    of_console(response)
}
