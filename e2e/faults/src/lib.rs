//! The catalogue of faults: each is done to a real machine on which Suture was installed as a user installs it, and what came of it is counted.

mod came;
mod case;
mod catalogue;
mod contained;
mod course;
mod end;
mod evidence;
mod hub;
mod judged;
mod labelled;
mod later;
mod machine;
mod page;
mod peers;
mod results;
mod runs;
mod site;
mod soak;
mod sums;

pub use came::Came;
pub use case::run;
pub use catalogue::{Ends, Fault, read};
pub use hub::Hub;
pub use labelled::labelled;
pub use page::{long, page};
pub use peers::{Peer, Peers};
pub use results::Results;
pub use runs::Stage;
pub use site::{Lab, Programs, Site};
pub use soak::{Soaked, soak};
pub use sums::{Share, Spread, Sums};

/// What went wrong, in words.
pub type Result<T> = std::result::Result<T, String>;
