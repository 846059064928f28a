//! Reads the file system's links, so that the policy sees a path as the kernel would walk it.

use policy::{Entry, Links, PathFault};

/// This machine's own links.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RealLinks;

impl Links for RealLinks {
    fn entry(&self, path: &str) -> Result<Entry, PathFault> {
        match std::fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_symlink() => {
                let target = std::fs::read_link(path).map_err(|_| PathFault::Unreadable)?;
                target.into_os_string().into_string().map(Entry::Link).map_err(|_| PathFault::Unreadable)
            }
            Ok(_) => Ok(Entry::NoLink),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Entry::NoLink),
            Err(_) => Err(PathFault::Unreadable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::{CanonicalPath, Last};

    #[test]
    fn a_path_through_a_link_is_judged_where_it_leads() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("evidence")).unwrap();
        std::os::unix::fs::symlink("evidence", root.join("logs")).unwrap();
        let through = root.join("logs/tile").display().to_string();
        let walked = CanonicalPath::resolve(&through, None, Last::Followed, &RealLinks).unwrap();
        assert_eq!(walked.as_str(), root.join("evidence/tile").display().to_string());
    }
}
