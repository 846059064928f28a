//! What this process knows of one tenant's messages beside what the server says: what it received, whom it handed what, and how much room is left.
//! Pure: instants are handed in.

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

/// How many acknowledged messages are remembered: more than any server lets be acknowledged before it writes that down.
const DONE_MAX: usize = 4096;

/// A message that came from the server and is in nobody's hands yet.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) sequence: u64,
    pub(super) site: contract::ids::SiteId,
    pub(super) body: Vec<u8>,
    pub(super) number: u32,
    /// Where it is settled; another one for each time it comes.
    pub(super) reply: String,
    pub(super) at: Instant,
}

/// Something that was handed out.
#[derive(Debug)]
struct Held {
    reply: String,
    until: Instant,
}

#[derive(Debug, Default)]
pub(super) struct Standing {
    received: VecDeque<Received>,
    held: HashMap<u64, Held>,
    delayed: HashMap<u64, Instant>,
    /// What was acknowledged last. A single server writes that down a moment later, and hands it out again where it was killed before.
    done: VecDeque<u64>,
    /// How often each was released, as far as that is known here.
    releases: HashMap<u64, u32>,
    /// How many more may be published before the server must be asked how many there are.
    room: usize,
    /// Publications whose answer has not come.
    pub(super) under_way: usize,
}

impl Standing {
    /// It came from the server: whatever was known of it has ended.
    pub(super) fn receive(&mut self, message: Received) {
        self.received.retain(|other| other.sequence != message.sequence);
        self.held.remove(&message.sequence);
        self.delayed.remove(&message.sequence);
        self.received.push_back(message);
    }

    pub(super) fn next(&mut self) -> Option<Received> {
        self.received.pop_front()
    }

    /// Where to say that what lies here for that long is still being seen to; from now on it is as if it had just come.
    pub(super) fn lying(&mut self, now: Instant, since: std::time::Duration) -> Vec<String> {
        let lying = self.received.iter_mut().filter(|message| now.duration_since(message.at) >= since);
        let seen_to = lying.map(|message| {
            message.at = now;
            message.reply.clone()
        });
        seen_to.collect()
    }

    pub(super) fn has_received(&self) -> bool {
        !self.received.is_empty()
    }

    pub(super) fn hold(&mut self, sequence: u64, reply: String, until: Instant) {
        self.held.insert(sequence, Held { reply, until });
    }

    /// Whether this handing out still counts.
    pub(super) fn is_in_hand(&self, sequence: u64, reply: &str, now: Instant) -> bool {
        self.held.get(&sequence).is_some_and(|held| held.reply == reply && held.until > now)
    }

    pub(super) fn extend(&mut self, sequence: u64, reply: &str, until: Instant) {
        if let Some(held) = self.held.get_mut(&sequence).filter(|held| held.reply == reply) {
            held.until = until;
        }
    }

    /// It is out of its hands, for good.
    pub(super) fn settle(&mut self, sequence: u64) {
        self.held.remove(&sequence);
        self.delayed.remove(&sequence);
        self.releases.remove(&sequence);
        self.received.retain(|other| other.sequence != sequence);
    }

    /// It is acknowledged.
    pub(super) fn finish(&mut self, sequence: u64) {
        self.settle(sequence);
        if self.done.len() == DONE_MAX {
            self.done.pop_front();
        }
        self.done.push_back(sequence);
    }

    /// Whether it was acknowledged, as far as that is remembered here.
    pub(super) fn is_done(&self, sequence: u64) -> bool {
        self.done.contains(&sequence)
    }

    /// It is out of its hands, and comes again then.
    pub(super) fn delay(&mut self, sequence: u64, until: Instant) {
        self.held.remove(&sequence);
        self.delayed.insert(sequence, until);
    }

    pub(super) fn releases(&self, sequence: u64) -> Option<u32> {
        self.releases.get(&sequence).copied()
    }

    pub(super) fn set_releases(&mut self, sequence: u64, times: u32) {
        self.releases.insert(sequence, times);
    }

    /// Everything of this tenant is gone.
    pub(super) fn purge(&mut self) {
        let under_way = self.under_way;
        *self = Self { under_way, ..Self::default() };
    }

    /// How many are in hand and how many are delayed; what has ended is forgotten.
    pub(super) fn counts(&mut self, now: Instant) -> (u64, u64) {
        self.held.retain(|_, held| held.until > now);
        self.delayed.retain(|_, until| *until > now);
        (self.held.len() as u64, self.delayed.len() as u64)
    }

    /// Takes a place for one message, if one is known to be free.
    pub(super) fn reserve(&mut self) -> bool {
        let free = self.room > 0;
        if free {
            self.room -= 1;
            self.under_way += 1;
        }
        free
    }

    /// The server holds so many of at most so many. What is under way may be among them or not.
    pub(super) fn measure(&mut self, there: u64, max: usize) {
        let there = usize::try_from(there).unwrap_or(usize::MAX);
        self.room = max.saturating_sub(there).saturating_sub(self.under_way);
    }

    /// A publication ended; `unused` where it took no place.
    pub(super) fn ended(&mut self, unused: bool) {
        self.under_way = self.under_way.saturating_sub(1);
        if unused {
            self.room += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn message(sequence: u64, reply: &str, at: Instant) -> Received {
        let (site, reply) = ("s".parse().unwrap(), reply.to_owned());
        Received { sequence, site, body: vec![], number: 1, reply, at }
    }

    #[test]
    fn places_are_given_out_once_and_those_under_way_count() {
        let mut standing = Standing::default();
        assert!(!standing.reserve(), "nobody asked the server yet");
        standing.measure(1, 3);
        assert!(standing.reserve() && standing.reserve() && !standing.reserve());
        standing.measure(1, 3);
        assert!(!standing.reserve(), "two are under way");
        standing.ended(true);
        assert!(standing.reserve(), "a repetition took no place");
        standing.ended(false);
        standing.ended(false);
        standing.measure(2, 3);
        assert!(standing.reserve() && !standing.reserve());
    }

    #[test]
    fn what_lies_here_is_seen_to_once_for_each_while() {
        let (now, mut standing) = (Instant::now(), Standing::default());
        let after = |seconds| now + Duration::from_secs(seconds);
        standing.receive(message(7, "first", now));
        standing.receive(message(8, "second", after(1)));
        let lying = |standing: &mut Standing, at| standing.lying(after(at), Duration::from_secs(2));
        assert_eq!(lying(&mut standing, 2), ["first"]);
        assert_eq!(lying(&mut standing, 3), ["second"]);
        assert_eq!(lying(&mut standing, 3), [""; 0]);
    }

    #[test]
    fn what_comes_again_is_in_nobodys_hands_any_more() {
        let (now, mut standing) = (Instant::now(), Standing::default());
        let later = now + Duration::from_secs(1);
        standing.receive(message(7, "first", now));
        let received = standing.next().unwrap();
        standing.hold(7, received.reply, later);
        assert!(standing.is_in_hand(7, "first", now) && !standing.is_in_hand(7, "first", later));
        assert!(!standing.is_in_hand(7, "other", now));
        standing.receive(message(7, "second", now));
        standing.receive(message(7, "third", now));
        assert!(!standing.is_in_hand(7, "first", now));
        assert_eq!(standing.next().unwrap().reply, "third");
        assert!(standing.next().is_none(), "it lies there twice");
        assert_eq!(standing.counts(now), (0, 0));
    }
}
