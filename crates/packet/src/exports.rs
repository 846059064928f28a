//! The packet for machines other than ours: OSCAL, OCSF and CSV. Each is made of the packet alone.

mod csv;
mod ocsf;
mod oscal;
mod uuid;

pub use csv::incidents_csv;
pub use ocsf::ocsf;
pub use oscal::{assessment_results, plan_of_action};
