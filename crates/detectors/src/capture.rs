//! What a pattern may take out of a line: the names of its groups are a closed set, and each says what the value becomes before it may leave.

use contract::signal::{About, Device, Mount, Pseudonym, Unit};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The most of a name that counts: a longer one is cut, here and in what it is compared with.
pub(crate) const NAME_BYTES_MAX: usize = 64;

/// The site's own key, under which names and addresses become pseudonyms. It never leaves the site.
#[derive(Clone)]
pub struct SiteKey(Hmac<Sha256>);

impl std::fmt::Debug for SiteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SiteKey")
    }
}

impl SiteKey {
    /// Drawn once, at the site.
    pub fn new(key: &[u8; 32]) -> Self {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        Self(Hmac::new_from_slice(key).expect("a key of any length"))
    }

    /// Of a secret that all machines of a site share: not the secret itself, so that another site with the same one has other names.
    pub fn shared(secret: &[u8; 32], tenant: &str, site: &str) -> Self {
        let Self(mut mac) = Self::new(secret);
        for part in ["suture: names of a site", tenant, site] {
            mac.update(part.as_bytes());
            mac.update(&[0]);
        }
        Self::new(&mac.finalize().into_bytes().into())
    }

    /// What `name` is called outside. Names of different kinds never meet.
    fn pseudonym(&self, capture: Capture, name: &[u8]) -> Pseudonym {
        let mut mac = self.0.clone();
        mac.update(capture.word().as_bytes());
        mac.update(&[0]);
        mac.update(name);
        let full = mac.finalize().into_bytes();
        Pseudonym([full[0], full[1], full[2], full[3], full[4], full[5], full[6], full[7]])
    }
}

/// A group of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capture {
    /// A unit of systemd: what signals of one detector are told apart by.
    Unit,
    /// A mount point, likewise.
    Mount,
    /// A block device, likewise.
    Device,
    /// An address that somebody came from, likewise.
    Source,
    /// 0 to 100.
    Percent,
    /// 0 to 65535.
    Port,
    /// How many.
    Count,
    /// How many days.
    Days,
    /// How many hours: told as whole days.
    Hours,
}

impl Capture {
    pub(crate) const ALL: [Self; 9] = [
        Self::Unit,
        Self::Mount,
        Self::Device,
        Self::Source,
        Self::Percent,
        Self::Port,
        Self::Count,
        Self::Days,
        Self::Hours,
    ];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Mount => "mount",
            Self::Device => "device",
            Self::Source => "source",
            Self::Percent => "percent",
            Self::Port => "port",
            Self::Count => "count",
            Self::Days => "days",
            Self::Hours => "hours",
        }
    }

    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.word() == word)
    }

    /// True where it names something that is counted apart.
    pub(crate) const fn is_identity(self) -> bool {
        match self {
            Self::Unit | Self::Mount | Self::Device | Self::Source => true,
            Self::Percent | Self::Port | Self::Count | Self::Days | Self::Hours => false,
        }
    }
}

/// One value out of a line, as it stands there. It stays within this crate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a> {
    pub(crate) capture: Capture,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Value<'a> {
    /// As much of it as counts.
    pub(crate) fn cut(capture: Capture, bytes: &'a [u8]) -> Self {
        Self { capture, bytes: &bytes[..bytes.len().min(NAME_BYTES_MAX)] }
    }

    pub(crate) fn number(&self) -> Option<u32> {
        str::from_utf8(self.bytes).ok()?.parse().ok()
    }
}

/// What may leave of `values`. A value that is none of its kind is left out: the signal itself still says that something happened.
pub(crate) fn about(values: &[Value<'_>], key: &SiteKey) -> About {
    let mut about = About::default();
    for value in values {
        let Value { capture, bytes } = *value;
        let other = || key.pseudonym(capture, bytes);
        match capture {
            Capture::Unit => about.unit = Some(Unit::known(bytes).unwrap_or_else(|| Unit::other(other()))),
            Capture::Mount => {
                about.mount = Some(Mount::known(bytes).unwrap_or_else(|| Mount::other(other())));
            }
            Capture::Device => about.device = Device::of(bytes),
            Capture::Source => about.from = Some(other()),
            Capture::Percent => {
                about.percent = value.number().and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= 100);
            }
            Capture::Port => about.port = value.number().and_then(|n| u16::try_from(n).ok()),
            // No number of a person is this short.
            Capture::Count => about.amount = value.number().map(|n| n.min(99_999)),
            Capture::Days => about.days = value.number().map(days),
            Capture::Hours => about.days = value.number().map(|n| days(n / 24)),
        }
    }
    about
}

fn days(number: u32) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX).min(9_999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_apart_and_told_to_nobody() {
        let about = |key: u8, capture, bytes| about(&[Value::cut(capture, bytes)], &SiteKey::new(&[key; 32]));
        let one = about(1, Capture::Source, b"192.0.2.1");
        assert_eq!(one, about(1, Capture::Source, b"192.0.2.1"));
        assert_ne!(one, about(1, Capture::Source, b"192.0.2.2"));
        assert_ne!(one, about(2, Capture::Source, b"192.0.2.1"), "another site gives it the same name");
        assert_ne!(one.identity(), about(1, Capture::Unit, b"192.0.2.1").identity());
        assert_eq!(about(1, Capture::Percent, b"101"), About::default());
        assert_eq!(about(1, Capture::Device, b"jane"), About::default());
        assert_eq!(about(1, Capture::Count, b"123456789").amount, Some(99_999));
        assert_eq!(about(1, Capture::Hours, b"49").days, Some(2));
    }
}
