//! How this executor stands: for the heartbeat, and so for the people who look at the hub. Nothing is decided by it.

use contract::fact::Word;
use contract::heartbeat::ExecutorCondition;

use super::Runner;
use crate::machine::GivenUp;

impl Runner {
    /// Mode, grants and confinement as they are now.
    pub fn condition(&self) -> Result<ExecutorCondition, GivenUp> {
        let now = self.moment().now;
        let break_glass_until = self.machine.with_ledger(|l| l.break_glass(now).map(|glass| glass.until))?;
        Ok(ExecutorCondition {
            software: version(),
            binary: edge::binary::digest(),
            mode: self.site().mode,
            mode_set_by: self.site().mode_set_by.clone(),
            window: self.site().window.as_ref().map(|window| window.declared().clone()),
            break_glass_until,
            confinement: self.machine.confinement.clone(),
        })
    }
}

fn version() -> Word {
    #[expect(clippy::expect_used, reason = "cargo's own versions are words")]
    env!("CARGO_PKG_VERSION").to_owned().try_into().expect("a version")
}
