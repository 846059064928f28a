//! What things are called on a server: the streams of a tenant's account, their subjects, the consumer.

use contract::ids::TenantId;

/// What was published, acknowledged or not.
pub(super) const INCIDENTS: &str = "INCIDENTS";
/// Copies of what was given up.
pub(super) const DEAD: &str = "DEAD";
/// How often messages were released: the server counts every handing out, and a release is not to count.
pub(super) const RELEASED: &str = "RELEASED";
/// The one group of consumers.
pub(super) const CONSUMER: &str = "planner";

/// All subjects on which a tenant's incidents stand.
pub(super) fn incidents(tenant: &TenantId) -> String {
    format!("tenants.{tenant}.sites.*.incidents")
}

/// All subjects on which a tenant's dead messages stand.
pub(super) fn dead(tenant: &TenantId) -> String {
    format!("tenants.{tenant}.sites.*.dead.*")
}

/// The dead copy of the message with this sequence.
pub(super) fn dead_of(tenant: &TenantId, site: &str, sequence: u64) -> String {
    format!("tenants.{tenant}.sites.{site}.dead.{sequence}")
}

/// All subjects on which a tenant's releases are counted.
pub(super) fn released(tenant: &TenantId) -> String {
    format!("tenants.{tenant}.released.*")
}

/// Where the releases of the message with this sequence are counted.
pub(super) fn released_of(tenant: &TenantId, sequence: u64) -> String {
    format!("tenants.{tenant}.released.{sequence}")
}

/// The site of a subject that one of the functions above made.
pub(super) fn site(subject: &str) -> Option<&str> {
    let mut words = subject.split('.');
    (words.next() == Some("tenants")).then_some(())?;
    words.next()?;
    (words.next() == Some("sites")).then(|| words.next()).flatten()
}

/// What the subject to which a message is acknowledged says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// How often it was handed out, this time included.
    pub(super) delivered: u32,
    /// Its place in the stream.
    pub(super) sequence: u64,
}

impl Place {
    /// From `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.…`, or the longer form with domain and account before the stream.
    pub(super) fn of(reply: &str) -> Option<Self> {
        let words: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        let numbers = match words.len() {
            7 => &words[2..],
            9.. => &words[4..],
            _ => return None,
        };
        Some(Self { delivered: numbers.first()?.parse().ok()?, sequence: numbers.get(1)?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_says_which_message_it_settles_in_both_forms() {
        let place = Some(Place { delivered: 3, sequence: 42 });
        assert_eq!(Place::of("$JS.ACK.INCIDENTS.planner.3.42.17.1700000000000000000.0"), place);
        assert_eq!(Place::of("$JS.ACK.hub.HASH.INCIDENTS.planner.3.42.17.1700000000000000000.0.x"), place);
        for wrong in ["_INBOX.x", "$JS.ACK.INCIDENTS.planner", "$JS.ACK.INCIDENTS.planner.a.b.1.2.3"] {
            assert_eq!(Place::of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_subject_says_its_site() {
        let tenant = "clinic-7".parse().unwrap();
        assert_eq!(site(&dead_of(&tenant, "main", 7)), Some("main"));
        assert_eq!(site(&released_of(&tenant, 7)), None);
    }
}
