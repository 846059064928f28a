//! Empty: this crate is there for its lock file alone.
