//! The detectors that come with this version, and the site's key under which they name what may not be named.
//!
//! What a detector is and how lines become signals is the crate `detectors`: pure, and shared with the operator's command that tries samples.

use std::io;
use std::path::Path;

pub use detectors::{
    BadDetectors, Claims, Definition, Detectors, DiskUse, Library, Moment, Observed, Program, Remembered,
    Shown, Signal, SiteKey, Source, Trends,
};
use edge::file;

/// The detectors that are shipped: `(file name, text)`.
pub const SHIPPED: [(&str, &str); 12] = [
    ("access.yaml", include_str!("../detectors/access.yaml")),
    ("audit.yaml", include_str!("../detectors/audit.yaml")),
    ("backup.yaml", include_str!("../detectors/backup.yaml")),
    ("certificates.yaml", include_str!("../detectors/certificates.yaml")),
    ("disks.yaml", include_str!("../detectors/disks.yaml")),
    ("kernel.yaml", include_str!("../detectors/kernel.yaml")),
    ("postgresql.yaml", include_str!("../detectors/postgresql.yaml")),
    ("services.yaml", include_str!("../detectors/services.yaml")),
    ("sshd.yaml", include_str!("../detectors/sshd.yaml")),
    ("systemd.yaml", include_str!("../detectors/systemd.yaml")),
    ("time.yaml", include_str!("../detectors/time.yaml")),
    ("web.yaml", include_str!("../detectors/web.yaml")),
];

/// The shipped detectors, read.
pub fn library() -> Result<Library, BadDetectors> {
    Library::parse(&SHIPPED)
}

/// The shipped detectors, at work for a site with this key.
pub fn built_in(key: SiteKey) -> Result<Detectors, BadDetectors> {
    Detectors::new(library()?, key)
}

/// The site's key: drawn once, kept in a file that only the agent reads, and never sent. One that is bent is not drawn anew by itself: names would
/// change, and that must be seen.
pub fn site_key(path: &Path) -> Result<SiteKey, file::FileError> {
    let bent =
        |source| file::FileError { path: path.to_owned(), action: "read the site's key from it", source };
    let key = match file::read(path, 64) {
        Ok(bytes) => bytes.try_into().map_err(|_| bent(io::Error::other("it is not 32 bytes")))?,
        Err(e) if e.source.kind() == io::ErrorKind::NotFound => {
            let key = edge::random::bytes::<32>().map_err(bent)?;
            file::write_durably(path, &key)?;
            key
        }
        Err(e) => return Err(e),
    };
    Ok(SiteKey::new(&key))
}

#[cfg(test)]
mod tests;
