//! The detectors that come with this version, and the site's key under which they name what may not be named.
//!
//! What a detector is and how lines become signals is the crate `detectors`: pure, and shared with the operator's command that tries samples.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use contract::ids::{SiteId, TenantId};

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

/// The key of a site whose machines were all given the same secret: 64 hexadecimal digits in a file that not everybody may read. The names of tenant
/// and site are part of the key, so a secret that was given to two sites makes no name of the one known at the other.
pub fn shared_key(path: &Path, tenant: &TenantId, site: &SiteId) -> Result<SiteKey, file::FileError> {
    let bent =
        |source| file::FileError { path: path.to_owned(), action: "read the site's key from it", source };
    let text = file::read_text(path, 256)?;
    let mode = std::fs::metadata(path).map_err(bent)?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(bent(io::Error::other(
            "everybody on this machine may read it: take that away (chmod o=)",
        )));
    }
    let secret = contract::digest::unhex::<32>(text.trim_ascii())
        .ok_or_else(|| bent(io::Error::other("it must hold 64 hexadecimal digits (openssl rand -hex 32)")))?;
    Ok(SiteKey::shared(&secret, tenant.as_str(), site.as_str()))
}

#[cfg(test)]
mod tests;
