//! What people write into an exception: bounded, printable, never empty.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("must be a text of 1 to {max} printable characters that neither begins nor ends with a space")]
pub struct BadWords {
    max: usize,
}

fn checked(text: String, max: usize) -> Result<String, BadWords> {
    let sound = !text.is_empty() && text.trim() == text && text.chars().count() <= max;
    if sound && !text.contains(char::is_control) { Ok(text) } else { Err(BadWords { max }) }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        // Neither begins nor ends with a space, and holds no control character.
        crate::schema::text!($name, r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$", Some((1, $max)));

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadWords;
            fn try_from(text: String) -> Result<Self, BadWords> {
                checked(text, $max).map(Self)
            }
        }

        impl From<$name> for String {
            fn from(words: $name) -> String {
                words.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

words!(
    /// A few sentences on one line.
    Prose, 600
);
words!(
    /// A person of the MSP or the clinic.
    Person, 80
);

impl Person {
    /// True where both name the same person, however they are capitalised or spaced.
    pub fn is(&self, other: &Self) -> bool {
        let letters = |p: &Self| {
            p.0.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect::<String>()
        };
        letters(self) == letters(other)
    }
}
