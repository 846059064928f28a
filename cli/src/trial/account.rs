//! The trial's own account at its hub: the first one, made through the link that the hub prints, and a key for this command.

use contract::digest::hex;
use contract::event::Event;
use contract::ids::OperatorId;
use contract::people::{Join, Login, NewKey, Reach, Right, SessionOpened};
use edge::file;

use super::layout::Layout;
use super::processes::Processes;
use super::setup::wait_for;
use crate::exit::{Failure, Status};
use crate::operator::Operator;
use crate::say::Voice;

/// For how long the key of a trial is good.
const KEY_DAYS: u16 = 90;

/// Has an account and a key, made now where there was none. An interruption is taken up again: the password is kept before it is used.
pub(super) fn have(
    voice: Voice,
    layout: &Layout,
    processes: &mut Processes,
    address: &str,
) -> Result<(), Failure> {
    if layout.operator_token().exists() {
        return Ok(());
    }
    let operator = Operator::stranger(address)?;
    let person = login_name()?;
    let session = match again(layout, &operator, &person) {
        Some(session) => session,
        None => first(layout, processes, &operator, &person)?,
    };
    let new =
        NewKey { reach: Reach::Everywhere, rights: Right::ALL.iter().copied().collect(), days: KEY_DAYS };
    let key = operator.with(&session.session).new_key(&new)?;
    file::write_durably(&layout.operator_token(), key.key.as_bytes())?;
    voice.line(&format!(
        "  you       are {person} at this hub: an account by its first-run link, password in {}, key until {}",
        layout.operator_password().display(),
        key.until
    ));
    Ok(())
}

/// An account that an interrupted trial made already.
fn again(layout: &Layout, operator: &Operator, person: &OperatorId) -> Option<SessionOpened> {
    let password = file::read_text(&layout.operator_password(), 4096).ok()?;
    operator.log_in(&Login { person: person.clone(), password, code: None }).ok()
}

fn first(
    layout: &Layout,
    processes: &mut Processes,
    operator: &Operator,
    person: &OperatorId,
) -> Result<SessionOpened, Failure> {
    let link = wait_for(processes, "the hub's first-run link", |event| match event {
        Event::FirstRun { link } => Some(link.clone()),
        _ => None,
    })?;
    let (_, secret) = link
        .split_once('#')
        .ok_or_else(|| Failure::new(Status::NotProven, "the hub's first-run link holds no secret"))?;
    let drawn = edge::random::bytes::<16>();
    let password = hex(&drawn.map_err(|e| Failure::new(Status::CannotCreate, e.to_string()))?);
    file::write_durably(&layout.operator_password(), password.as_bytes())?;
    operator.join(&Join { secret: secret.to_owned(), person: person.clone(), password })
}

/// The name of whoever is logged in at this machine, where it can be one at the hub.
fn login_name() -> Result<OperatorId, Failure> {
    let mut called = ["LOGNAME", "USER"].into_iter().filter_map(|name| std::env::var(name).ok());
    called.find_map(|name| name.parse().ok()).map_or_else(
        || {
            "operator"
                .parse()
                .map_err(|e: contract::ids::BadId| Failure::new(Status::CannotCreate, e.to_string()))
        },
        Ok,
    )
}
