//! Messages between their being taken and their being handed out.

use std::sync::Arc;

use tokio::time::Instant;

use super::rows::{self, Handed};
use super::{Embedded, lock};
use crate::delivery::Receipt;
use crate::pending;
use crate::{Delivery, QueueError, Sequence};

/// Messages that were taken and not handed out yet. Dropped with any in it, for whatever reason, it puts them back at once: nobody has them, and
/// nobody would miss them before their leases end.
#[derive(Debug)]
pub(super) struct Taken<'a> {
    queue: &'a Embedded,
    messages: Vec<pending::Taken>,
    /// Whether the database may go on to count them as handed out.
    counted: bool,
}

impl<'a> Taken<'a> {
    pub(super) const fn new(queue: &'a Embedded, messages: Vec<pending::Taken>) -> Self {
        Self { queue, messages, counted: false }
    }

    fn sequences(&self) -> Vec<Sequence> {
        self.messages.iter().map(|(_, entry, _)| entry.sequence).collect()
    }

    /// Hands them out, each with its body. Fewer come out where some are dead or were settled meanwhile.
    pub(super) async fn hand_out(mut self) -> Result<Vec<Delivery>, QueueError> {
        let (queue, limits, sequences) = (self.queue, self.queue.limits, self.sequences());
        let pending = Arc::clone(&queue.pending);
        let subjects: Vec<_> = self.messages.iter().map(|(subject, ..)| subject.clone()).collect();
        let asked = sequences.clone();
        let handed = queue.writer.hand_over_unsynced(
            move |c| rows::hand_out(c, &asked, limits),
            move |handed| {
                let each = handed.iter().flatten().zip(subjects.iter().zip(sequences));
                for (_, (subject, sequence)) in each.filter(|(handed, _)| matches!(handed, Handed::Died)) {
                    lock(&pending).die(subject, sequence);
                }
            },
        );
        self.counted = true;
        let handed = handed.outcome().await;
        self.counted = handed.is_ok();
        let handed = handed.map_err(QueueError::Database)?;
        // The lease begins when the work can.
        let until = Instant::now() + queue.limits.lease;
        let mut pending = queue.pending();
        let messages = std::mem::take(&mut self.messages);
        let out = messages.into_iter().zip(handed).filter_map(|((subject, entry, receipt), handed)| {
            let Handed::Out { body, number } = handed else { return None };
            pending.extend(entry.sequence, receipt, until);
            let receipt = Receipt::Embedded(receipt);
            Some(Delivery { sequence: entry.sequence, subject, body, number, receipt })
        });
        Ok(out.collect())
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if self.messages.is_empty() {
            return;
        }
        if self.counted {
            // Nobody had them: that does not count. Nobody waits for the answer, either; where it fails, it counts.
            let sequences = self.sequences();
            drop(self.queue.writer.hand_over_unsynced(move |c| rows::release(c, &sequences), |_| ()));
        }
        // The last first: so each line has its order again.
        for (_, entry, receipt) in self.messages.drain(..).rev() {
            self.queue.pending().put_back(entry.sequence, receipt);
        }
        self.queue.wake_all();
    }
}
