//! Room for large bodies while they are read and worked on: so much for one tenant, and so much for all, since a connection can have five megabytes each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contract::ids::TenantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long room is waited for. What waits holds no more than a head's bytes.
const WAIT: Duration = Duration::from_secs(5);

/// The room that there is, in kilobytes.
#[derive(Debug)]
pub(crate) struct Bodies {
    wait: Duration,
    each_kb: u32,
    all: Arc<Semaphore>,
    each: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
}

/// Room for one body, for as long as this lives.
#[derive(Debug)]
pub(super) struct Room {
    _permits: [OwnedSemaphorePermit; 2],
}

impl Bodies {
    /// So much for all, and so much for each tenant.
    pub(crate) fn new(all_kb: u32, each_kb: u32) -> Self {
        let all = Arc::new(Semaphore::new(all_kb as usize));
        Self { wait: WAIT, each_kb: each_kb.min(all_kb), all, each: Mutex::default() }
    }

    /// Waits for room; none where there was none for too long. What is larger than all of it takes all of it.
    pub(super) async fn room(&self, tenant: &TenantId, bytes: usize) -> Option<Room> {
        let wanted = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX).min(self.each_kb);
        let of_tenant = {
            let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = || Arc::new(Semaphore::new(self.each_kb as usize));
            Arc::clone(each.entry(tenant.clone()).or_insert_with(fresh))
        };
        // The tenant's own first: who waits for that holds nothing of what is everybody's.
        let both = async {
            let theirs = of_tenant.acquire_many_owned(wanted).await.ok()?;
            let ours = Arc::clone(&self.all).acquire_many_owned(wanted).await.ok()?;
            Some(Room { _permits: [theirs, ours] })
        };
        tokio::time::timeout(self.wait, both).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tenant_fills_its_own_room_and_what_is_free_again_is_given() {
        let bodies = Bodies { wait: Duration::from_millis(50), ..Bodies::new(100, 30) };
        let all = ["a", "b", "c", "d", "e"].map(|tenant| tenant.parse::<TenantId>().unwrap());
        let first = bodies.room(&all[0], 20 * 1024).await.unwrap();
        assert!(bodies.room(&all[0], 20 * 1024).await.is_none(), "more than its own");
        assert!(bodies.room(&all[0], 5 * 1024).await.is_some());
        let huge = bodies.room(&all[1], usize::MAX).await.unwrap();
        let _others =
            (bodies.room(&all[2], 29 * 1024).await.unwrap(), bodies.room(&all[3], 15 * 1024).await.unwrap());
        assert!(bodies.room(&all[4], 9 * 1024).await.is_none(), "more than there is");
        drop((first, huge));
        assert!(bodies.room(&all[4], 9 * 1024).await.is_some());
        assert!(bodies.room(&all[0], 29 * 1024).await.is_some());
    }
}
