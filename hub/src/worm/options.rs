//! What the hub is told about its write-once stores.

use std::path::PathBuf;
use std::time::Duration;

use archive::s3::{Credentials, CredentialsError, Place, Region};
use archive::{Directory, Retention, StoreError};
use thiserror::Error;

/// The write-once stores behind the mirror. None is a choice: then the mirror is the only copy outside the site.
#[derive(Debug, Clone, Default)]
pub struct Archives {
    /// A directory whose files are written once.
    pub directory: Option<PathBuf>,
    /// A bucket with Object Lock.
    pub s3: Option<S3Bucket>,
    /// For how long what is stored is locked.
    pub retention: Retention,
    /// How often what is done.
    pub pace: ArchivePace,
}

/// A bucket, and where its access key is.
#[derive(Debug, Clone)]
pub struct S3Bucket {
    /// Which.
    pub place: Place,
    /// Its region.
    pub region: Region,
    /// The file with the access key; the environment's where there is none.
    pub credentials: Option<PathBuf>,
}

/// How often what is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchivePace {
    /// Between two looks for what is new. Each look stores, for each log that grew, what filled and the newest head.
    pub look: Duration,
    /// The first wait after a failure; it doubles up to the time between two looks.
    pub retry: Duration,
    /// How long evidence may wait before that is an alarm.
    pub lag: Duration,
    /// Between two audits of what is stored of one host.
    pub audit: Duration,
}

impl Default for ArchivePace {
    fn default() -> Self {
        Self {
            look: Duration::from_mins(10),
            retry: Duration::from_secs(1),
            lag: Duration::from_hours(6),
            audit: Duration::from_hours(7 * 24),
        }
    }
}

/// Why a write-once store cannot be used. The hub does not start: evidence that is meant to be locked must not silently not be.
#[derive(Debug, Error)]
pub enum ArchivesError {
    /// The access key cannot be had.
    #[error("the archive's access key cannot be had")]
    Credentials(#[from] CredentialsError),
    /// The store is not what it must be.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The stores, opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) directory: Option<Directory>,
    pub(crate) s3: Option<archive::s3::S3>,
}

impl Opened {
    /// Whether there is a directory, and whether there is a bucket.
    pub(crate) const fn which(&self) -> [bool; 2] {
        [self.directory.is_some(), self.s3.is_some()]
    }
}

impl Archives {
    /// Opens the stores. A bucket that cannot be reached is no reason not to start: sites must be served, and what they bring waits.
    pub(crate) async fn open(&self) -> Result<Opened, ArchivesError> {
        let Self { directory, s3, retention: _, pace: _ } = self;
        let directory = directory.as_deref().map(Directory::open).transpose()?;
        if let Some(Err(reason)) = directory.as_ref().map(Directory::can_seal) {
            tracing::warn!(%reason, "the archive's directory cannot make files immutable: root can replace them unseen until the next audit");
        }
        let Some(S3Bucket { place, region, credentials }) = s3 else {
            return Ok(Opened { directory, s3: None });
        };
        let credentials = match credentials {
            Some(path) => Credentials::read(path)?,
            None => Credentials::from_environment(|name| std::env::var(name).ok())?,
        };
        let s3 = archive::s3::S3::new(place.clone(), region.clone(), credentials, edge::clock::utc)?;
        match archive::WriteOnce::check(&s3).await {
            Ok(()) => {}
            Err(StoreError::Away(why)) => {
                tracing::error!(why, "the archive cannot be reached; evidence waits at the hub");
            }
            Err(
                e @ (StoreError::Credentials(_)
                | StoreError::SetUp(_)
                | StoreError::Conflict { .. }
                | StoreError::Unfitting(_)
                | StoreError::File(_)),
            ) => {
                return Err(e.into());
            }
        }
        Ok(Opened { directory, s3: Some(s3) })
    }
}
