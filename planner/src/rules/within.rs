//! Lists and bounds that cannot be empty.

use serde::Deserialize;
use thiserror::Error;

/// A list with at least one member: a rule that speaks of nothing is a mistake, never a rule for everything.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<T>")]
pub struct NonEmpty<T>(Vec<T>);

impl<T> TryFrom<Vec<T>> for NonEmpty<T> {
    type Error = &'static str;
    fn try_from(list: Vec<T>) -> Result<Self, Self::Error> {
        if list.is_empty() { Err("the list is empty: a rule that speaks of nothing") } else { Ok(Self(list)) }
    }
}

impl<T> NonEmpty<T> {
    /// Its members, at least one.
    pub fn members(&self) -> &[T] {
        &self.0
    }
}

impl<T: PartialEq> NonEmpty<T> {
    pub(crate) fn holds_all(&self, others: &Self) -> bool {
        others.0.iter().all(|other| self.0.contains(other))
    }
}

/// Bounds, both of them allowed values. At least one is there, and something lies between two.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Bounds<T>", bound(deserialize = "T: PartialOrd + Deserialize<'de>"))]
pub struct Within<T> {
    at_least: Option<T>,
    at_most: Option<T>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds<T> {
    at_least: Option<T>,
    at_most: Option<T>,
}

/// Why bounds let nothing through, or everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Hollow {
    /// Neither bound is there.
    #[error("neither at_least nor at_most: it says nothing")]
    Open,
    /// The lower bound is above the upper.
    #[error("at_least is above at_most: nothing is between them")]
    Crossed,
    /// The lower bound is above all that can be.
    #[error("at_least is above anything that can be")]
    Beyond,
}

impl<T: PartialOrd> TryFrom<Bounds<T>> for Within<T> {
    type Error = Hollow;
    fn try_from(bounds: Bounds<T>) -> Result<Self, Hollow> {
        Self::of(bounds.at_least, bounds.at_most)?.ok_or(Hollow::Open)
    }
}

impl<T: PartialOrd> Within<T> {
    /// Bounds of these two; none where there is neither.
    pub(super) fn of(at_least: Option<T>, at_most: Option<T>) -> Result<Option<Self>, Hollow> {
        match (&at_least, &at_most) {
            (None, None) => Ok(None),
            (Some(least), Some(most)) if least > most => Err(Hollow::Crossed),
            (Some(_), _) | (None, Some(_)) => Ok(Some(Self { at_least, at_most })),
        }
    }

    /// Whether `value` lies between them.
    pub fn holds(&self, value: &T) -> bool {
        self.at_least.as_ref().is_none_or(|least| value >= least)
            && self.at_most.as_ref().is_none_or(|most| value <= most)
    }

    /// Whether everything that `other` holds is held here.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let low =
            self.at_least.as_ref().is_none_or(|mine| other.at_least.as_ref().is_some_and(|o| o >= mine));
        let high = self.at_most.as_ref().is_none_or(|mine| other.at_most.as_ref().is_some_and(|o| o <= mine));
        low && high
    }

    /// The lower bound.
    pub const fn at_least(&self) -> Option<&T> {
        self.at_least.as_ref()
    }

    /// The upper bound.
    pub const fn at_most(&self) -> Option<&T> {
        self.at_most.as_ref()
    }
}
