//! `command.run`: one program pinned by its digest.
//!
//! A program with other bytes is refused when it is armed, before anything is written down, and again by whoever starts it, through the descriptor
//! that it is started by.

use std::path::{Path, PathBuf};

use contract::record::{Before, Count};
use contract::runbook::{CommandRun, SandboxProfile};

use crate::program::pinned;
use crate::{Armed, Done, Hand, HandError, Place, Program};

#[derive(Debug)]
struct Command(CommandRun);

pub(super) fn arm(command: &CommandRun, place: &Place<'_>) -> Result<Armed, HandError> {
    place.go_on()?;
    pinned(Path::new(command.program.as_str()), &command.digest)?;
    if command.profile != SandboxProfile::StandardNet && !command.reaches.is_empty() {
        let why = "it is to reach the network, and its profile has none".to_owned();
        return Err(HandError::Program { program: PathBuf::from(command.program.as_str()), why });
    }
    Ok(Armed::new(Before::Nothing, Command(command.clone())))
}

impl Hand for Command {
    fn act(self: Box<Self>, place: &Place<'_>) -> Result<Done, HandError> {
        place.go_on()?;
        let command = self.0;
        let arguments: Vec<&str> =
            command.arguments.iter().map(contract::resource::Argument::as_str).collect();
        let program = Program {
            digest: Some(command.digest),
            profile: command.profile,
            writes: command.writes.iter().map(|path| PathBuf::from(path.as_str())).collect(),
            reaches: command.reaches.clone(),
            time_limit_ms: u64::from(command.time_limit_ms).min(place.left_ms()),
            ..Program::of_the_system(command.program.as_str(), &arguments)
        };
        let ran = place.programs.run(&program)?;
        match ran.status {
            Some(0) => Ok(Done { counts: vec![(Count::ExitStatus, 0)], connections: ran.connections }),
            Some(status) => {
                Err(HandError::Program { program: program.path, why: format!("status {status}") })
            }
            None => Err(HandError::Program { program: program.path, why: "ended by a signal".to_owned() }),
        }
    }
}
