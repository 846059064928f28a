//! Names that everybody knows, and nothing else: what a signal named, where no pseudonym may stand beside it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Label, Mount, NotOfTheSet, Unit};

/// A name of a set that is shipped; a pseudonym is none.
macro_rules! known {
    ($(#[$doc:meta])* $name:ident, $of:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name($of);

        impl $of {
            /// The same, where everybody knows it.
            pub const fn known_to_all(self) -> Option<$name> {
                match self.0 {
                    Label::Known(_) => Some($name(self)),
                    Label::Other(_) => None,
                }
            }
        }

        impl FromStr for $name {
            type Err = NotOfTheSet;
            fn from_str(text: &str) -> Result<Self, NotOfTheSet> {
                let known = text.parse().ok().and_then($of::known_to_all);
                // Exactly as it stands in the set: an instance of a unit may be a person's name.
                known.filter(|known| known.to_string() == text).ok_or(NotOfTheSet($what))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

known!(
    /// A unit that distributions ship, without its instance.
    KnownUnit, Unit, "a well-known unit"
);
known!(
    /// Where file systems usually are mounted.
    KnownMount, Mount, "a well-known mount point"
);
