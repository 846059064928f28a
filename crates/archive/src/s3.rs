//! A bucket with Object Lock in compliance mode: nobody removes a locked version before its end, the account's owner included.
//!
//! The bucket must keep versions and allow locks; one that does not is refused by [`S3::check`] with what to do. An object is put with
//! `If-None-Match: *` and its SHA-256, so that the store refuses both a second writer and a changed byte; and with its own lock, so that nothing
//! hangs on the bucket's default. `PutObject` on a bucket with versions never replaces: what is put over an object becomes a newer version, and a
//! deletion becomes a marker. Neither changes what [`S3::oldest`] reads.
//!
//! What the access key must be allowed: `s3:PutObject`, `s3:PutObjectRetention`, `s3:GetObjectVersion`, `s3:GetObjectRetention`,
//! `s3:ListBucketVersions`, `s3:GetBucketVersioning`, `s3:GetBucketObjectLockConfiguration`. Not `s3:DeleteObject…`, and nothing with `Bypass` in it.
//!
//! There is no call here that shortens a retention, or changes one.

mod answer;
mod place;
mod sign;
mod wire;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::time::UtcTime;
use reqwest::{Method, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::directory::same;
use crate::error::StoreError;
use crate::key::Key;
use crate::store::{Keep, Lock, Put, Version, WriteOnce};
use answer::Entry;
pub use place::{BadPlace, BadRegion, Credentials, CredentialsError, Place, Region};
use wire::{Ask, Wire};

/// A bucket with Object Lock.
#[derive(Debug)]
pub struct S3 {
    wire: Wire,
}

impl S3 {
    /// A bucket, spoken to with `credentials`, requests dated by `clock`. Nothing is sent yet.
    pub fn new(
        place: Place,
        region: Region,
        credentials: Credentials,
        clock: fn() -> UtcTime,
    ) -> Result<Self, StoreError> {
        Wire::new(place, region, credentials, clock).map(|wire| Self { wire })
    }

    /// All entries whose name in the bucket begins with `prefix`.
    async fn entries(&self, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        let mut next: Option<(String, String)> = None;
        loop {
            let mut query = Vec::new();
            if let Some((key, _)) = &next {
                query.push(("key-marker", key.clone()));
            }
            query.push(("prefix", prefix.to_owned()));
            if let Some((_, id)) = &next {
                query.push(("version-id-marker", id.clone()));
            }
            query.push(("versions", String::new()));
            let text = self.wire.ask(Ask::get(None, query)).await?.success()?.text()?;
            let page = answer::page(&text)?;
            let again = page.next.is_some() && page.next == next;
            entries.extend(page.entries);
            match page.next {
                None => return Ok(entries),
                Some(_) if again => {
                    return Err(StoreError::Unfitting("a list that does not go on".to_owned()));
                }
                more => next = more,
            }
        }
    }

    /// The oldest version of the object. The list has the newest first.
    async fn oldest_entry(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let name = self.wire.name(key);
        let entries = self.entries(&name).await?;
        Ok(entries.into_iter().rfind(|e| e.key == name && !e.delete_marker))
    }
}

impl WriteOnce for S3 {
    async fn put(&self, key: &Key, bytes: &[u8], keep: Keep) -> Result<Put, StoreError> {
        let mut headers = vec![
            ("if-none-match", "*".to_owned()),
            ("x-amz-checksum-sha256", STANDARD.encode(Sha256::digest(bytes))),
            ("x-amz-sdk-checksum-algorithm", "SHA256".to_owned()),
        ];
        if let Keep::LockedUntil(until) = keep {
            headers.push(("x-amz-object-lock-mode", "COMPLIANCE".to_owned()));
            headers.push(("x-amz-object-lock-retain-until-date", until.to_string()));
        }
        let ask =
            Ask { method: Method::PUT, key: Some(key), query: Vec::new(), headers, body: bytes.to_vec() };
        let told = self.wire.ask(ask).await?;
        if told.status != StatusCode::PRECONDITION_FAILED {
            told.success()?;
            return Ok(Put::Written);
        }
        let gone = || StoreError::Away(format!("{key} was there and is not any more"));
        same(key, bytes, &self.oldest(key).await?.ok_or_else(gone)?)
    }

    async fn oldest(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(entry) = self.oldest_entry(key).await? else { return Ok(None) };
        let query = vec![("versionId", entry.id)];
        self.wire.ask(Ask::get(Some(key), query)).await?.success().map(|told| Some(told.body))
    }

    async fn lock(&self, key: &Key) -> Result<Option<Lock>, StoreError> {
        let Some(entry) = self.oldest_entry(key).await? else { return Ok(None) };
        let ask = Ask { method: Method::HEAD, ..Ask::get(Some(key), vec![("versionId", entry.id)]) };
        answer::lock(&self.wire.ask(ask).await?.success()?.headers).map(Some)
    }

    async fn versions(&self, prefix: &Key) -> Result<Vec<Version>, StoreError> {
        let entries = self.entries(&format!("{}/", self.wire.name(prefix))).await?;
        let version = |Entry { key, id, stored, delete_marker }| {
            // A name that is no key of ours is a stranger's object: it lies beside the evidence, not on it.
            self.wire.key(&key).map(|key| Version { key, id, stored, delete_marker })
        };
        Ok(entries.into_iter().filter_map(version).collect())
    }

    async fn check(&self) -> Result<(), StoreError> {
        let ask = |what| self.wire.ask(Ask::get(None, vec![(what, String::new())]));
        if !answer::keeps_versions(&ask("versioning").await?.success()?.text()?)? {
            let what = "the bucket keeps no versions: turn versioning on, and Object Lock, or name a bucket that has both";
            return Err(StoreError::SetUp(what.to_owned()));
        }
        if answer::can_lock(&ask("object-lock").await?.success()?.text()?)? {
            return Ok(());
        }
        Err(StoreError::SetUp(answer::no_lock("it says that Object Lock is not enabled")))
    }
}
