//! What is wrong with packets, for as long as it is: somebody is told of it as of any other fault of the hub's. What failed is tried again, and a hub that
//! starts anew finds it again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use contract::ids::TenantId;

use super::KeptError;
use super::store::Kept;

/// A letter that was not taken so often, over a quarter of an hour, is a fault.
pub(super) const UNTAKEN: u32 = 5;

/// What a tenant's packets lack: a word of the kind of packet, the name of a store, or `mail`; and that in words.
type Faulty = BTreeMap<(TenantId, String), String>;

/// The faults that are known since the hub started.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Faulty>);

impl Faults {
    /// What came of one look: nothing is wrong any more, or this is.
    pub(super) fn says(&self, tenant: &TenantId, of: &str, wrong: Option<String>) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tenant.clone(), of.to_owned());
        match wrong {
            Some(words) => drop(faults.insert(key, words)),
            None => drop(faults.remove(&key)),
        }
    }

    /// What came of a look at every tenant: nothing is wrong with any other.
    pub(super) fn say_all(&self, of: &str, wrong: BTreeMap<TenantId, String>) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        faults.retain(|(_, there), _| there != of);
        faults.extend(wrong.into_iter().map(|(tenant, words)| ((tenant, of.to_owned()), words)));
    }

    /// All of them, and whose letters are not taken.
    pub(super) async fn all(&self, kept: &Kept) -> Result<Vec<(TenantId, String, String)>, KeptError> {
        let untaken = kept.untaken(UNTAKEN).await?;
        let faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = faults.iter().map(|((tenant, of), words)| (tenant.clone(), of.clone(), words.clone()));
        let mail = untaken.into_iter().map(|(tenant, letters)| {
            let letters = if letters == 1 { "1 letter".to_owned() } else { format!("{letters} letters") };
            let words =
                format!("{letters} with packets were not taken by the mail server, {UNTAKEN} times and more");
            (tenant, "mail".to_owned(), words)
        });
        Ok(known.chain(mail).collect())
    }
}
