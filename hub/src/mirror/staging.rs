//! How much all hosts stage, tenant by tenant: one tenant's machines must not fill the disk on which the others' evidence is kept.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::ids::{HostId, TenantId};
use identity::Holder;

/// The most that all hosts of one tenant may stage together.
pub(super) const STAGED_OF_TENANT_MAX_BYTES: u64 = 1 << 30;

type Bytes = HashMap<TenantId, HashMap<HostId, u64>>;

/// The staged bytes of each host.
#[derive(Debug)]
pub(super) struct Staging(Mutex<Bytes>);

impl Staging {
    /// What stands below `root` now. A file that cannot be looked at counts nothing here; opening its host's log says why it cannot.
    pub(super) fn of(root: &Path) -> Self {
        let mut bytes = Bytes::new();
        for (tenant, path) in directories::<TenantId>(root) {
            for (host, path) in directories::<HostId>(&path) {
                let size = fs::metadata(path.join("staged")).map_or(0, |about| about.len());
                bytes.entry(tenant.clone()).or_default().insert(host, size);
            }
        }
        Self(Mutex::new(bytes))
    }

    /// What the tenant's hosts stage together.
    pub(super) fn of_tenant(&self, tenant: &TenantId) -> u64 {
        self.bytes().get(tenant).map_or(0, |hosts| hosts.values().sum())
    }

    /// From now on the host stages so much.
    pub(super) fn set(&self, holder: &Holder, size: u64) {
        self.bytes().entry(holder.tenant.clone()).or_default().insert(holder.host.clone(), size);
    }

    fn bytes(&self) -> MutexGuard<'_, Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn directories<T: std::str::FromStr>(root: &Path) -> Vec<(T, std::path::PathBuf)> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    entries.filter_map(|e| Some((e.file_name().to_str()?.parse().ok()?, e.path()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(tenant: &str, host: &str) -> Holder {
        Holder { tenant: tenant.parse().unwrap(), site: "main".parse().unwrap(), host: host.parse().unwrap() }
    }

    #[test]
    fn a_tenants_hosts_are_counted_together_after_a_restart_too_and_nobody_elses() {
        let root = tempfile::tempdir().unwrap();
        for (tenant, host, size) in
            [("clinic-7", "h-1", 100), ("clinic-7", "h-2", 20), ("clinic-8", "h-3", 3)]
        {
            let directory = root.path().join(tenant).join(host);
            fs::create_dir_all(&directory).unwrap();
            edge::file::write_durably(&directory.join("staged"), &vec![0; size]).unwrap();
        }
        let staging = Staging::of(root.path());
        let (seven, eight) = ("clinic-7".parse().unwrap(), "clinic-8".parse().unwrap());
        assert_eq!((staging.of_tenant(&seven), staging.of_tenant(&eight)), (120, 3));
        staging.set(&holder("clinic-7", "h-2"), 0);
        staging.set(&holder("clinic-7", "h-9"), 7);
        assert_eq!((staging.of_tenant(&seven), staging.of_tenant(&eight)), (107, 3));
        assert_eq!(Staging::of(&root.path().join("none")).of_tenant(&seven), 0);
    }
}
