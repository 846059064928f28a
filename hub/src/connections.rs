//! Open connections of devices, by the certificate that each has shown: so a revocation ends them at once, whatever is under way on them, and one
//! certificate has no more of them than a device needs.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use contract::digest::Digest;
use tokio::sync::Notify;

/// Everything that is open.
#[derive(Debug)]
pub(crate) struct Connections {
    each_max: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    by_certificate: HashMap<Digest, VecDeque<(u64, Arc<Notify>)>>,
}

/// One that is open, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Entered {
    all: Arc<Connections>,
    certificate: Digest,
    number: u64,
    cut: Arc<Notify>,
}

impl Connections {
    /// With at most so many for each certificate.
    pub(crate) fn new(each_max: usize) -> Arc<Self> {
        Arc::new(Self { each_max, open: Mutex::default() })
    }

    /// Counts a connection. Where there are too many of its certificate, the oldest is cut.
    pub(crate) fn enter(self: &Arc<Self>, certificate: Digest) -> Entered {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.next += 1;
        let (number, cut) = (open.next, Arc::new(Notify::new()));
        let of_it = open.by_certificate.entry(certificate).or_default();
        if of_it.len() >= self.each_max
            && let Some((_, oldest)) = of_it.pop_front()
        {
            oldest.notify_one();
        }
        of_it.push_back((number, Arc::clone(&cut)));
        Entered { all: Arc::clone(self), certificate, number, cut }
    }

    /// Cuts all connections of these certificates.
    pub(crate) fn cut(&self, certificates: &[Digest]) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for certificate in certificates {
            for (_, cut) in open.by_certificate.remove(certificate).unwrap_or_default() {
                cut.notify_one();
            }
        }
    }
}

impl Entered {
    /// Returns once it is to be cut.
    pub(crate) async fn cut(&self) {
        self.cut.notified().await;
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut open = self.all.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_it) = open.by_certificate.get_mut(&self.certificate) {
            of_it.retain(|(number, _)| *number != self.number);
            if of_it.is_empty() {
                open.by_certificate.remove(&self.certificate);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    fn is_cut(entered: &Entered) -> bool {
        pin!(entered.cut()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn a_revocation_cuts_its_own_and_the_oldest_makes_room() {
        let all = Connections::new(2);
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        let [first, second, third] = [a, a, a].map(|certificate| all.enter(certificate));
        let other = all.enter(b);
        assert!(is_cut(&first) && !is_cut(&second) && !is_cut(&third));
        all.cut(&[a]);
        assert!(is_cut(&second) && is_cut(&third) && !is_cut(&other));
        drop((first, second, third, other));
        assert!(all.open.lock().unwrap().by_certificate.is_empty(), "what is closed is forgotten");
    }
}
