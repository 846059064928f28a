//! Arguments, files and exit codes.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use crate::stage::{Running, binary, failing, init, serve};

#[test]
fn a_witness_is_made_once_and_its_seed_is_private() {
    let directory = tempfile::tempdir().unwrap();
    let key = init(directory.path());
    assert_eq!(key.label().name.as_str(), "w.example/one");
    let mode = |name: &str| directory.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("seed"), 0o600);
    let again = |name: &str| {
        let mut command = binary();
        command.args(["init", "--name", name, "--dir"]).arg(directory.path());
        failing(&mut command)
    };
    assert_eq!(again("w.example/two").0, 73);
    assert!(again("w.example/two").1.contains("already"));
    assert_eq!(again("two words").0, 2);
    let other = tempfile::tempdir().unwrap();
    let output = binary()
        .args(["init", "--json", "--name", "w", "--dir"])
        .arg(other.path().join("new"))
        .output()
        .unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(json["key"].as_str().unwrap().starts_with("w+") && json["name"] == "w");
}

#[test]
fn a_key_that_cannot_be_used_stops_the_start() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(failing(&mut serve(directory.path())).0, 73, "nothing was made here");
    init(directory.path());
    let seed = directory.path().join("seed");
    let text = std::fs::read_to_string(&seed).unwrap();
    std::fs::set_permissions(&seed, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(failing(&mut serve(directory.path())).0, 78);
    for broken in ["", "0", &"0".repeat(64), &text.to_uppercase()] {
        edge::file::write_durably(&seed, broken.as_bytes()).unwrap();
        std::fs::set_permissions(&seed, std::fs::Permissions::from_mode(0o600)).unwrap();
        let (code, message) = failing(&mut serve(directory.path()));
        assert_eq!(code, 78, "{broken}: {message}");
        assert!(message.contains("seed"), "{message}");
    }
}

#[test]
fn a_policy_that_makes_no_sense_is_named_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    init(directory.path());
    let mut command = serve(directory.path());
    let policy = directory.path().join("policy");
    for (text, message) in [
        ("quorum none\n", "no `log` line"),
        ("# fine\nlog nonsense\nquorum none\n", "line 2"),
        ("", "quorum"),
    ] {
        edge::file::write_durably(&policy, text.as_bytes()).unwrap();
        let (code, said) = failing(&mut command);
        assert_eq!(code, 2, "{text:?}: {said}");
        assert!(said.contains(message), "{said}");
    }
    std::fs::remove_file(&policy).unwrap();
    assert_eq!(failing(&mut command).0, 2);
}

#[test]
fn one_directory_one_witness_and_a_signal_ends_it() {
    let mut running = Running::start();
    let (code, message) = failing(&mut serve(running.directory.path()));
    assert_eq!(code, 75, "{message}");
    assert_eq!(running.terminate(), Some(0));
}

#[test]
fn a_taken_address_and_a_bad_prefix_are_named() {
    let directory = tempfile::tempdir().unwrap();
    init(directory.path());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let policy = crate::stage::policy(directory.path());
    let mut command = binary();
    command.args(["serve", "--listen", &address, "--dir"]).arg(directory.path()).arg("--policy").arg(&policy);
    let (code, message) = failing(&mut command);
    assert_eq!(code, 69, "{message}");
    assert!(message.contains(&address));
    for prefix in ["a", "/a/", "/a b"] {
        assert_eq!(failing(serve(directory.path()).args(["--prefix", prefix])).0, 2, "{prefix}");
    }
}

#[test]
fn completions_are_printed() {
    let output = binary().args(["completions", "bash"]).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("suture-witness"));
}
