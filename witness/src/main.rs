//! `suture-witness`: cosigns the heads of the logs that a policy file names, and never two that contradict each other.
//!
//! It speaks C2SP `tlog-witness` over plain HTTP: requests are authenticated by the signatures in them, and nothing that it sends is secret. Let it
//! listen on loopback and put a reverse proxy with TLS in front of it where it is to be reached from outside.
//!
//! # Exit codes
//!
//! | code | meaning |
//! |---|---|
//! | 0 | made; or stopped when asked to |
//! | 2 | bad arguments, or a policy file that names no log or makes no sense: the message names the line |
//! | 69 | the address is taken, or cannot be listened on |
//! | 70 | the witness failed: our mistake |
//! | 73 | the directory cannot be made or used, holds a witness already, or belongs to somebody else |
//! | 75 | another witness runs in the same directory |
//! | 78 | the key is missing, damaged, or readable by others |
#![forbid(unsafe_code)]

mod directory;
mod http;
mod init;
mod serve;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

/// A witness of transparency logs.
#[derive(Debug, Parser)]
#[command(name = "suture-witness", version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a witness: draw its key, and print the verifier key that others put into their policies
    Init(init::Init),
    /// Cosign over HTTP until SIGTERM or SIGINT; a reverse proxy adds TLS where outsiders are to reach it
    Serve(serve::Serve),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// How the process ends; see the table above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    BadInput = 2,
    Unavailable = 69,
    Failed = 70,
    CannotCreate = 73,
    Locked = 75,
    BadState = 78,
}

/// Why the command did not do what it was asked, and how the process ends for it.
#[derive(Debug)]
struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// What was tried, and the error with all its causes.
    fn new(exit: Exit, what: &str, error: &dyn std::error::Error) -> Self {
        let causes = std::iter::successors(Some(error), |e| e.source());
        let causes = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
        Self { exit, message: format!("{what}: {causes}") }
    }
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Init(told) => init::run(&told),
        Command::Serve(told) => serve::run(&told),
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "suture-witness", &mut std::io::stdout());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { exit, message }) => {
            edge::trace::complain(&format!("suture-witness: {message}"));
            ExitCode::from(exit as u8)
        }
    }
}
