//! What a named person signs with a key of their own: an approval of an order, and a grant to act where the site's mode or window would not.
//!
//! An operator's key can approve, and can order nothing. It is made here and never leaves its file; its public half is what a site pins.

mod approve;
mod break_glass;
mod key;

pub(crate) use approve::{Approve, run as approve};
pub(crate) use break_glass::{BreakGlass, run as break_glass};
pub(crate) use key::{OperatorKey, run as operator_key};
