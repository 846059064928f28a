//! `backup.run`: run the declared backup, to its end.
//!
//! There is no inverse, and nothing to put back: a backup that was interrupted is stopped and is none.

use contract::record::Before;
use contract::resource::UnitName;

use crate::systemd::Unit;
use crate::{Armed, Done, Hand, HandError, Place};

#[derive(Debug)]
struct Backup(Unit);

pub(super) fn arm(name: &UnitName, place: &Place<'_>) -> Result<Armed, HandError> {
    let unit = Unit::open(name, place)?;
    if unit.kind() != "service" {
        return Err(unit.said("run it", "only a service runs and ends".to_owned()));
    }
    if unit.is_at_work()? {
        return Err(HandError::NothingToDo("the backup runs already"));
    }
    Ok(Armed::new(Before::Nothing, Backup(unit)))
}

impl Hand for Backup {
    fn act(self: Box<Self>, place: &Place<'_>) -> Result<Done, HandError> {
        self.0.run_to_its_end(place)?;
        Ok(Done::default())
    }
}
