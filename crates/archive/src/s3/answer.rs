//! What a bucket answers, read out of its XML and its headers. Pure.

use contract::time::UtcTime;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use roxmltree::{Document, Node};

use crate::error::StoreError;
use crate::store::{Lock, Mode};

/// One page of `ListObjectVersions`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// In the order of the answer: by key, the newest of a key first.
    pub(super) entries: Vec<Entry>,
    /// Where the next page begins: a key, and a version of it.
    pub(super) next: Option<(String, String)>,
}

/// A version or a delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) id: String,
    pub(super) stored: UtcTime,
    pub(super) delete_marker: bool,
}

fn unfitting(what: impl Into<String>) -> StoreError {
    StoreError::Unfitting(what.into())
}

/// Reads a document. How its root is called differs between servers, and Amazon's own tools do not look; what is read must be in it.
fn document(text: &str) -> Result<Document<'_>, StoreError> {
    Document::parse(text).map_err(|e| unfitting(format!("no XML ({e})")))
}

fn child<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.children().find(|c| c.tag_name().name() == name).map(|c| c.text().unwrap_or_default())
}

/// `ListVersionsResult`.
pub(super) fn page(text: &str) -> Result<Page, StoreError> {
    let document = document(text)?;
    let root = document.root_element();
    let mut entries = Vec::new();
    for node in root.children().filter(Node::is_element) {
        let delete_marker = match node.tag_name().name() {
            "Version" => false,
            "DeleteMarker" => true,
            _ => continue,
        };
        let get = |name| child(node, name).ok_or_else(|| unfitting(format!("a version without its {name}")));
        let (key, id) = (get("Key")?.to_owned(), get("VersionId")?.to_owned());
        entries.push(Entry { key, id, stored: instant(get("LastModified")?)?, delete_marker });
    }
    let next = match child(root, "IsTruncated") {
        Some("true") => {
            let get = |name| child(root, name).ok_or_else(|| unfitting(format!("a cut list without {name}")));
            Some((get("NextKeyMarker")?.to_owned(), get("NextVersionIdMarker")?.to_owned()))
        }
        Some("false") => None,
        other => return Err(unfitting(format!("IsTruncated is {other:?}"))),
    };
    Ok(Page { entries, next })
}

/// `VersioningConfiguration`: whether versions are kept.
pub(super) fn keeps_versions(text: &str) -> Result<bool, StoreError> {
    let document = document(text)?;
    Ok(child(document.root_element(), "Status") == Some("Enabled"))
}

/// `ObjectLockConfiguration`: whether objects can be locked.
pub(super) fn can_lock(text: &str) -> Result<bool, StoreError> {
    let document = document(text)?;
    Ok(child(document.root_element(), "ObjectLockEnabled") == Some("Enabled"))
}

/// The lock, out of the headers of a `HeadObject`. A store that does not let us see it says the same as one that has none: that is an alarm too.
pub(super) fn lock(headers: &HeaderMap) -> Result<Lock, StoreError> {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let mode = match header("x-amz-object-lock-mode") {
        None => return Ok(Lock::Unlocked),
        Some("COMPLIANCE") => Mode::Compliance,
        Some("GOVERNANCE") => Mode::Governance,
        Some(other) => return Err(unfitting(format!("a lock of mode {other:?}"))),
    };
    let until =
        header("x-amz-object-lock-retain-until-date").ok_or_else(|| unfitting("a lock without an end"))?;
    Ok(Lock::Locked { until: Some(instant(until)?), mode })
}

/// An instant in UTC, with or without a fraction.
fn instant(text: &str) -> Result<UtcTime, StoreError> {
    let whole = text.strip_suffix('Z').unwrap_or(text);
    let (seconds, fraction) = whole.split_once('.').unwrap_or((whole, ""));
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    let strict = format!("{seconds}.{millis}Z");
    strict.parse().map_err(|_| unfitting(format!("{text:?} is no time")))
}

/// What an answer other than success means.
pub(super) fn refusal(status: StatusCode, text: &str) -> StoreError {
    let (code, message) = error_of(text);
    let said = format!("{} {code} {message}", status.as_u16());
    match (status.as_u16(), code.as_str()) {
        (_, "RequestTimeTooSkewed") => {
            StoreError::SetUp(format!("this machine's clock is off: {said}: set it by NTP"))
        }
        (_, "NoSuchBucket") => StoreError::SetUp(format!(
            "there is no such bucket: {said}: make it with Object Lock enabled, in the account and region that were given"
        )),
        (_, "ObjectLockConfigurationNotFoundError") => StoreError::SetUp(no_lock(&said)),
        (_, "AuthorizationHeaderMalformed" | "PermanentRedirect" | "TemporaryRedirect") | (300..=399, _) => {
            StoreError::SetUp(format!("the bucket is in another region or place: {said}"))
        }
        (401 | 403, _) => StoreError::Credentials(said),
        (400, "InvalidRequest" | "InvalidArgument") => {
            StoreError::SetUp(format!("it does not take a lock: {said}"))
        }
        (409 | 429 | 500..=599, _) => StoreError::Away(said),
        _ => StoreError::Unfitting(said),
    }
}

/// What to do about a bucket that cannot lock.
pub(super) fn no_lock(said: &str) -> String {
    format!(
        "the bucket cannot lock objects ({said}): make a bucket with Object Lock enabled (with Amazon's tool: \
         `aws s3api create-bucket --object-lock-enabled-for-bucket`), and name that one"
    )
}

/// Code and message of an `Error` document; what is none is no code.
fn error_of(text: &str) -> (String, String) {
    let Ok(document) = Document::parse(text) else { return Default::default() };
    let get = |name| {
        let found = document.descendants().find(|n| n.tag_name().name() == name);
        found.and_then(|n| n.text()).unwrap_or_default().chars().take(200).collect()
    };
    (get("Code"), get("Message"))
}

#[cfg(test)]
mod tests;
