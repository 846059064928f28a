//! What no machine can know by itself: which certificates it presents to others, and what its backups touch. The agent's configuration names the same, with
//! the same keys: the executor measures a control itself before and after a repair.

use contract::resource::AbsolutePath;
use serde::Deserialize;

/// Files whose time of change says when something was last done.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamps {
    /// Touched when a backup has ended well.
    #[serde(default)]
    pub backup: Option<AbsolutePath>,
    /// Touched when a backup was restored and compared.
    #[serde(default)]
    pub restore_test: Option<AbsolutePath>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_is_a_path_from_the_root_and_nothing_else() {
        let read = |text: &str| contract::yaml::parse::<Stamps>("stamps.yaml", text);
        let stamps = read("{ backup: /var/lib/restic/done }").unwrap();
        assert_eq!(stamps.backup.unwrap().as_str(), "/var/lib/restic/done");
        assert!(stamps.restore_test.is_none());
        for bad in ["{ backup: done }", "{ backup: /var/../done }", "{ restored: /var/done }"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
