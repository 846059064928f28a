//! Sizes and times with their units. A number alone says neither, and `KiB` is not `KB`.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use thiserror::Error;

/// Why a text is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuantityFault {
    /// There is no number in front.
    #[error("{0:?} does not begin with a whole number")]
    NoNumber(String),
    /// There is no unit behind.
    #[error("{number} has no unit; one of {units} is needed")]
    NoUnit {
        /// The number.
        number: String,
        /// Those that there are.
        units: &'static str,
    },
    /// The unit is none of ours.
    #[error("{unit:?} is not one of {units}; upper and lower case differ")]
    WrongUnit {
        /// What stands there.
        unit: String,
        /// Those that there are.
        units: &'static str,
    },
    /// It does not fit.
    #[error("it is too large")]
    TooLarge,
}

type Units = [(&'static str, u64)];

const SIZES: [(&str, u64); 9] = [
    ("B", 1),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

const TIMES: [(&str, u64); 5] =
    [("ms", 1), ("s", 1000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

fn read(text: &str, units: &Units, names: &'static str) -> Result<u64, QuantityFault> {
    let short = |text: &str| text.chars().take(40).collect::<String>();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(QuantityFault::NoNumber(short(text)));
    }
    // One space may stand between the two, as people write it.
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    if unit.is_empty() {
        return Err(QuantityFault::NoUnit { number: short(number), units: names });
    }
    let wrong = || QuantityFault::WrongUnit { unit: short(unit), units: names };
    let (_, factor) = units.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| QuantityFault::TooLarge)?;
    number.checked_mul(*factor).ok_or(QuantityFault::TooLarge)
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $units:ident, $names:literal, $expecting:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub u64);

        impl std::str::FromStr for $name {
            type Err = QuantityFault;
            fn from_str(text: &str) -> Result<Self, QuantityFault> {
                read(text, &$units, $names).map(Self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Reads;
                impl Visitor<'_> for Reads {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                from.deserialize_str(Reads)
            }
        }
    };
}

quantity!(
    /// A number of bytes, written with its unit.
    Bytes, SIZES, "B, KB, MB, GB, TB, KiB, MiB, GiB, TiB", "a size with its unit, such as 500 MiB"
);
quantity!(
    /// A time in milliseconds, written with its unit.
    Ms, TIMES, "ms, s, min, h, d", "a time with its unit, such as 7 d"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_needed_and_its_case_counts() {
        assert_eq!("1 KiB".parse(), Ok(Bytes(1024)));
        assert_eq!("1KB".parse(), Ok(Bytes(1000)));
        assert_eq!("7 d".parse(), Ok(Ms(604_800_000)));
        for bad in [
            "500", "500 ", "500 kib", "500 KIB", "500 kB", "500  MiB", "-1 MiB", "1.5 MiB", "MiB", "",
            "1 MiB ", "1 d",
        ] {
            assert!(bad.parse::<Bytes>().is_err(), "{bad:?} was taken for a size");
        }
        for bad in ["7", "7 D", "7 days", "7 m", "7 S", "7 MiB"] {
            assert!(bad.parse::<Ms>().is_err(), "{bad:?} was taken for a time");
        }
        assert_eq!("99999999 TiB".parse::<Bytes>(), Err(QuantityFault::TooLarge));
        assert_eq!("18446744073709551616 B".parse::<Bytes>(), Err(QuantityFault::TooLarge));
    }
}
