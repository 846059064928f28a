//! What opens the operator plane: drawn at random, shown once, kept as a digest.
//!
//! Its first letters say what it is, so that one that was left lying about is recognised, and none is tried for another.

use contract::digest::{Digest, hex};

/// What a secret is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// One login.
    Session,
    /// A program.
    Key,
    /// Coming in for the first time.
    Invitation,
}

impl Sort {
    const ALL: [Self; 3] = [Self::Session, Self::Key, Self::Invitation];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Session => "suture-s-",
            Self::Key => "suture-k-",
            Self::Invitation => "suture-i-",
        }
    }
}

/// One of them, in the clear. It has no `Debug` that shows it.
pub(crate) struct Secret {
    sort: Sort,
    text: String,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").field("sort", &self.sort).finish_non_exhaustive()
    }
}

impl Secret {
    /// Draws one from the kernel.
    pub(crate) fn draw(sort: Sort) -> std::io::Result<Self> {
        edge::random::bytes::<32>().map(|random| Self::of(sort, &random))
    }

    /// The one that is made of these bytes.
    pub(crate) fn of(sort: Sort, random: &[u8; 32]) -> Self {
        Self { sort, text: format!("{}{}", sort.prefix(), hex(random)) }
    }

    /// One that somebody presents, where it has the form of any.
    pub(crate) fn presented(text: &str) -> Option<Self> {
        let sort = Sort::ALL.into_iter().find(|sort| text.starts_with(sort.prefix()))?;
        let digits = &text[sort.prefix().len()..];
        let fits =
            digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
        fits.then(|| Self { sort, text: text.to_owned() })
    }

    pub(crate) const fn sort(&self) -> Sort {
        self.sort
    }

    /// As it is shown, once.
    pub(crate) fn reveal(&self) -> &str {
        &self.text
    }

    /// As it is kept. Two hundred and fifty-six random bits need no slow hash.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(self.text.as_bytes())
    }
}

/// What a browser has to send along with a change, beside its cookie: another page cannot read it.
pub(crate) fn csrf(session: &Secret) -> String {
    hex(Digest::of(format!("csrf {}", session.text).as_bytes()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_known_again_and_nothing_else_is() {
        for sort in Sort::ALL {
            let secret = Secret::of(sort, &[7; 32]);
            let again = Secret::presented(secret.reveal()).unwrap();
            assert_eq!((again.sort(), again.digest()), (sort, secret.digest()));
            assert!(!format!("{secret:?}").contains("0707"), "a secret shows itself");
        }
        let digits = "0".repeat(64);
        for bad in [
            "",
            &digits,
            "suture-s-",
            &format!("suture-s-{digits}0"),
            &format!("suture-x-{digits}"),
            &format!("suture-s-{}", "G".repeat(64)),
        ] {
            assert!(Secret::presented(bad).is_none(), "{bad} was taken");
        }
    }
}
