//! `suture`: the operator's command.
//!
//! Exit status: 0 done; 1 the loop did not close, the evidence did not verify, a sample did not do what its detector says, or a planner missed its bar; 2 wrong usage; 3 a
//! new policy would deny what the old one allowed; 65 a file is refused, with line and column; 66 what was asked for is not there; 69 the hub cannot be reached; 73 a directory or
//! file cannot be used; 75 another `suture try` uses the directory.
#![forbid(unsafe_code)]

mod calls;
mod detector;
mod exit;
mod kit;
mod learning;
mod login;
mod operator;
mod orders;
mod packet;
mod papers;
mod planner;
mod policy;
mod runbook;
mod save;
mod say;
mod seed;
mod signing;
mod status;
mod trial;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

#[derive(Parser)]
#[command(name = "suture", version, about = "Watch this machine, repair a drift, prove it")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole loop once on this machine: hub, agent and executor as separate processes, one real drift, the evidence verified.
    Try(trial::Try),
    /// Show what a running hub knows: hosts, incidents and how they ended.
    Status(status::Status),
    /// List what waits for a person, one call for each cause; show, take or hand over one.
    Calls(calls::Calls),
    /// List the changes of the rules that runs propose; approve one.
    Learning(learning::Learning),
    /// List the orders that wait on a tenant's machines: for people, a maintenance window, a clock.
    Orders(orders::Orders),
    /// Set what machines may have that lets somebody in: ports, set-uid programs, administrators, SSH keys.
    Allowlist(papers::SetAllowlist),
    /// Set which failures a tenant accepts, why, and for how long.
    Exceptions(papers::SetExceptions),
    /// Export a period of a tenant's evidence as one zip that an outsider can check offline.
    Kit(kit::Kit),
    /// Make or fetch a tenant's packet of a month: fixed, needs you, could not be checked, and the evidence behind it.
    Packet(packet::Packet),
    /// Print a machine's installation sheet: the key that its evidence is checked by, for paper.
    Sheet(kit::Sheet),
    /// Make your account at a hub from an invitation, and log in.
    Join(login::Join),
    /// Log in at a hub.
    Login(login::Login),
    /// Log out.
    Logout(login::Logout),
    /// Read a site's policy, ask it, and see what a new one would change.
    Policy(policy::Told),
    /// Lint, show, sign and compare runbooks.
    #[command(subcommand)]
    Runbook(runbook::Runbook),
    /// Hold detectors to their own samples.
    #[command(subcommand)]
    Detector(detector::Detector),
    /// Measure what picks runbooks, lint its rules, and decide again what was decided.
    #[command(subcommand)]
    Planner(planner::Planner),
    /// Make a key for one person who approves.
    OperatorKey(signing::OperatorKey),
    /// Add your signature to an order that waits for a person.
    Approve(signing::Approve),
    /// Sign a grant to act where the site's mode or window would not, for at most four hours.
    BreakGlass(signing::BreakGlass),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Try(told) => trial::run(&told),
        Command::Status(told) => status::run(&told),
        Command::Calls(told) => calls::run(&told),
        Command::Learning(told) => learning::run(&told),
        Command::Orders(told) => orders::run(&told),
        Command::Allowlist(told) => papers::allowlist(&told),
        Command::Exceptions(told) => papers::exceptions(&told),
        Command::Kit(told) => kit::run(&told),
        Command::Packet(told) => packet::run(&told),
        Command::Sheet(told) => kit::sheet(&told),
        Command::Join(told) => login::join(&told),
        Command::Login(told) => login::login(&told),
        Command::Logout(told) => login::logout(&told),
        Command::Policy(told) => policy::run(&told),
        Command::Runbook(told) => runbook::run(&told),
        Command::Detector(told) => detector::run(&told),
        Command::Planner(told) => planner::run(&told),
        Command::OperatorKey(told) => signing::operator_key(&told),
        Command::Approve(told) => signing::approve(&told),
        Command::BreakGlass(told) => signing::break_glass(&told),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "suture", &mut std::io::stdout());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("suture: {failure}");
            failure.status.into()
        }
    }
}
