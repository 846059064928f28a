//! The rules by themselves: what a witness's answer means, what a timestamp must be, and the log on a disk.

mod authority;
mod log;
mod outsiders;
mod stamp;
