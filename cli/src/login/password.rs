//! A password, by standard input: it stands in no argument, where every user of the machine could read it. A terminal does not show it either.

use std::io::{BufRead as _, IsTerminal as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::exit::{Failure, Status};

/// What the exit status says of an end by a signal, as for the other commands.
const INTERRUPTED: i32 = 130;

/// The password of an account that is there.
pub(super) fn known() -> Result<String, Failure> {
    read("the password")
}

/// A password that counts from now on. Whoever types it does not see it, so it is asked for twice.
pub(super) fn chosen() -> Result<String, Failure> {
    let password = read("the password that you choose")?;
    if std::io::stdin().is_terminal() && read("the same again")? != password {
        return Err(Failure::new(Status::Usage, "the two are not the same; nothing was done"));
    }
    Ok(password)
}

fn read(what: &str) -> Result<String, Failure> {
    let unread = |e: std::io::Error| Failure::new(Status::Usage, format!("the password cannot be read: {e}"));
    let line = if std::io::stdin().is_terminal() {
        let hidden = Hidden::hide().map_err(unread)?;
        eprint!("suture: {what}, which does not show: ");
        let line = line();
        drop(hidden);
        // The end of the line did not show either.
        eprintln!();
        line
    } else {
        eprintln!("suture: {what}, on standard input:");
        line()
    };
    let line = line.map_err(unread)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Failure::new(Status::Usage, "no password came on standard input"));
    }
    Ok(password.to_owned())
}

fn line() -> std::io::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map(|_| line)
}

/// A terminal that shows nothing of what is typed, for as long as this is there.
struct Hidden {
    before: Termios,
}

impl Hidden {
    fn hide() -> std::io::Result<Self> {
        let before = tcgetattr(std::io::stdin())?;
        // Before it is hidden: whoever interrupts gets the terminal back as it was.
        let (mut signals, shown) = (Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT])?, before.clone());
        std::thread::spawn(move || {
            if signals.forever().next().is_some() {
                show(&shown);
                std::process::exit(INTERRUPTED);
            }
        });
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
        // What was typed before the question was shown, and is no answer to it.
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self { before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        show(&self.before);
    }
}

fn show(before: &Termios) {
    // A terminal that is gone shows nothing.
    let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
}
