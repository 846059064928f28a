//! The binary: its arguments, its exit codes, its signals.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use contract::event::{Event, Traced};

fn hub() -> Command {
    Command::new(env!("CARGO_BIN_EXE_suture-hub"))
}

fn failing(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

pub(crate) fn serve(directory: &Path) -> Command {
    let mut command = hub();
    command.arg("serve").arg("--dir").arg(directory);
    command
}

/// Starts a hub and reads its first event.
fn ready(directory: &Path) -> (Child, String) {
    ready_with(serve(directory))
}

pub(crate) fn ready_with(mut command: Command) -> (Child, String) {
    let mut child =
        command.args(["--operator", "127.0.0.1:0", "--events"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut events = BufReader::new(child.stdout.take().unwrap());
    // Before it is ready it may say what it has put on the queue again.
    let operator = loop {
        let mut line = String::new();
        assert!(events.read_line(&mut line).unwrap() > 0, "it ended before it was ready");
        if let Event::HubReady { device: _, operator } = serde_json::from_str::<Traced>(&line).unwrap().event
        {
            break operator;
        }
    };
    // Nobody reads on, and the pipe stays: a hub whose events nobody can read any more stops.
    std::mem::forget(events);
    (child, operator)
}

pub(crate) fn terminate(child: &mut Child) -> Option<i32> {
    let status = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status().unwrap();
    assert!(status.success());
    child.wait().unwrap().code()
}

#[test]
fn the_shipped_files_are_checked_and_a_broken_one_is_named() {
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../runbooks");
    let runbooks = shipped.read_dir().unwrap().count();
    let output = hub().arg("check").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains(&format!("{runbooks} runbooks")));

    let directory = tempfile::tempdir().unwrap();
    let rules = directory.path().join("rules.yaml");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("../planner/rules/controls.yaml"), &rules)
        .unwrap();
    let text = std::fs::read_to_string(&rules).unwrap().replace("- files.group", "- files.groups");
    edge::file::write_durably(&rules, text.as_bytes()).unwrap();
    let (code, message) = failing(hub().arg("check").arg("--rules").arg(&rules));
    assert_eq!(code, 2);
    assert!(message.contains("rules.yaml:") && message.contains("files.groups"), "{message}");
    let (code, _) = failing(serve(directory.path()).arg("--rules").arg(&rules));
    assert_eq!(code, 2, "a hub started with rules that make no sense");
}

#[test]
fn what_is_told_of_people_outside_is_read_strictly() {
    let directory = tempfile::tempdir().unwrap();
    let policy = directory.path().join("policy");
    let key = "example.com/w+ed4c5a6d+BDLKnvAKmVs2y9BYb3U6PLx8Z8ZK6PLx8Z8ZK6PLx8Z8";
    let told = |flag: &str, value: &str, text: &str| {
        std::fs::write(&policy, text).unwrap();
        let value = if value.is_empty() { policy.to_str().unwrap() } else { value };
        failing(serve(directory.path()).args(["--operator", "127.0.0.1:0", flag, value]))
    };
    for (flag, value, text, says) in [
        ("--witness-policy", "", "quorum none\nnonsense\n", "line 2"),
        ("--witness-policy", "", "", "quorum"),
        ("--witness-policy", "", &format!("witness w {key}\nquorum w\n"), "line 1"),
        ("--witness-policy", "/nowhere/policy", "", "/nowhere/policy"),
        ("--witness-for", "", "log nonsense\nquorum none\n", "line 1"),
        ("--timestamp-url", "ftp://tsa.example", "", "ftp://tsa.example"),
    ] {
        let (code, message) = told(flag, value, text);
        assert_eq!(code, 2, "{flag} {text:?}: {message}");
        assert!(message.contains(says), "{flag} {text:?}: {message}");
    }
}

#[test]
fn a_taken_operator_address_is_named_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let (code, message) = failing(serve(directory.path()).args(["--operator", &address]));
    assert_eq!(code, 69, "{message}");
    assert!(message.contains(&address) && message.contains("--operator"), "{message}");
}

#[test]
fn the_operator_plane_is_never_put_on_the_network() {
    let directory = tempfile::tempdir().unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:6767"] {
        let (code, message) = failing(serve(directory.path()).args(["--operator", address]));
        assert_eq!(code, 2, "{address}: {message}");
    }
}

#[test]
fn one_directory_one_hub_and_a_signal_ends_it_cleanly() {
    let directory = tempfile::tempdir().unwrap();
    let (mut first, operator) = ready(directory.path());
    let (code, message) = failing(serve(directory.path()).args(["--operator", "127.0.0.1:0"]));
    assert_eq!(code, 75, "{message}");
    assert!(std::net::TcpStream::connect(operator).is_ok());
    assert_eq!(terminate(&mut first), Some(0));

    let (mut second, _) = ready(directory.path());
    // What SIGKILL leaves behind starts again.
    second.kill().unwrap();
    second.wait().unwrap();
    let (mut third, _) = ready(directory.path());
    assert_eq!(terminate(&mut third), Some(0));
}

#[test]
fn a_directory_or_secret_that_cannot_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    edge::file::write_durably(&file, b"").unwrap();
    let (code, message) = failing(serve(&file).args(["--operator", "127.0.0.1:0"]));
    assert_eq!(code, 73, "{message}");

    let (mut hub, _) = ready(directory.path());
    terminate(&mut hub);
    std::fs::remove_file(directory.path().join("keys/orders.seed")).unwrap();
    let (code, message) = failing(serve(directory.path()).args(["--operator", "127.0.0.1:0"]));
    assert_eq!(code, 78, "{message}");
    assert!(message.contains("orders.seed"), "{message}");
}

#[test]
fn the_link_of_the_first_run_is_printed_for_whoever_starts_the_hub() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = serve(directory.path());
    let mut child = command.args(["--operator", "127.0.0.1:0"]).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let link = lines.map(Result::unwrap).find(|line| line.trim().starts_with("http://127.0.0.1:"));
    let link = link.unwrap();
    assert!(link.contains("/join#suture-i-"), "{link}");
    assert_eq!(terminate(&mut child), Some(0));
    for file in ["people.db", "keys/own.seed"] {
        let mode = std::os::unix::fs::MetadataExt::mode(&directory.path().join(file).metadata().unwrap());
        assert_eq!(mode & 0o077, 0, "{file}");
    }
}
