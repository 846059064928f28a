//! Each source over trees of files: right, missing, malformed and unreadable.

mod accounts;
mod devices;
mod network;
mod nixos;
mod policy;
mod sshd;
mod states;
mod tls;
mod units;
mod unlisted;
