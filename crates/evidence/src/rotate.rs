//! The log's key is changed by two records next to each other: the old key names the new one, the new one takes over.

use contract::record::{Body, KeyNamed, KeyTaken};
use tlog::note::SigningKey;

use crate::disk::Disk;
use crate::draft::{Appended, Draft};
use crate::error::{AppendError, OpenError, RotateError};
use crate::writer::LogWriter;

impl<D: Disk> LogWriter<D> {
    /// The key that the log's last record names, where it does: the rotation was interrupted, and nothing but
    /// [`rotate`](Self::rotate) to that key can go on.
    pub fn named_key(&self) -> Option<&str> {
        self.named.as_deref()
    }

    /// Changes the log's key to `key`, which the caller has stored durably before; `draft` makes a record of what is to be said. Both records are durable, and the
    /// second is under a head by the new key, when it returns: from then on the log opens with that key only. Where it was interrupted, it is called
    /// again with the same key and writes what is missing. Returns the last record.
    pub fn rotate(
        &mut self,
        key: SigningKey,
        draft: impl Fn(Body) -> Draft,
    ) -> Result<Appended, RotateError> {
        let verifier = key.verifier().clone();
        let name = verifier.label().name.as_str();
        if name != self.origin() {
            return Err(RotateError::Name { name: name.to_owned() });
        }
        // A key that was announced and never signed may be announced again.
        let keys = self.keys.up_to(self.key.verifier());
        if keys.contains(&verifier) {
            return Err(RotateError::Used { key: verifier.label().clone() });
        }
        let text = verifier.to_string();
        match &self.named {
            None => {
                self.append_any(vec![draft(Body::KeyNamed(KeyNamed { key: text.clone() }))])?;
            }
            Some(named) if *named == text => {}
            Some(named) => return Err(AppendError::KeyNamed { key: named.clone() }.into()),
        }
        let handover = self.head.as_ref().map(|h| h.note().to_string()).unwrap_or_default();
        // The list first: whoever opens the log with the old key after this must see that a new one may have signed.
        self.keys = keys.with(&verifier);
        self.keys.write(&mut self.files, &self.layout).map_err(|e| self.stop(e))?;
        self.key = key;
        let taken = Body::KeyTaken(KeyTaken { handover, key: text });
        Ok(self.append_any(vec![draft(taken)])?)
    }

    fn stop(&mut self, e: OpenError) -> AppendError {
        self.stopped = true;
        match e {
            OpenError::File(e) => AppendError::File(e),
            // The list of keys is written, not read.
            _ => AppendError::Stopped,
        }
    }
}
