//! What each fact hangs on, as its source declares it.

use std::path::PathBuf;
use std::time::Duration;

use facts::Input;

use crate::baseline::baseline;
use crate::tree::{Tree, id};

#[test]
fn every_fact_of_the_baseline_says_what_it_hangs_on() {
    let mut tree = Tree::of(&[("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")]);
    tree.config.certificates = vec![PathBuf::from("/etc/cert.pem")];
    let reader = tree.reader();
    for fact in baseline().facts() {
        assert_ne!(reader.inputs(&fact), [], "{fact}");
    }
    for unknown in
        ["accounts:nosuch", "unit:nosuch", "path:nosuch", "own:nosuch", "sshd:nosuch", "nixos:nosuch"]
    {
        assert_eq!(reader.inputs(&id(unknown)), [], "{unknown}");
    }
}

#[test]
fn nothing_is_looked_at_more_often_than_once_a_minute_without_an_event() {
    let reader = Tree::new().reader();
    for fact in baseline().facts() {
        for input in reader.inputs(&fact) {
            if let Input::Every(period) = input {
                assert!(period >= Duration::from_secs(60), "{fact}");
            }
        }
    }
}

#[test]
fn who_there_is_and_what_is_included_decides_what_is_watched() {
    let tree = Tree::of(&[
        ("/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/bash\n"),
        ("/etc/group", "sudo:x:27:ann\n"),
        ("/etc/ssh/sshd_config", "Include /srv/ssh/*.conf\n"),
        ("/srv/ssh/a.conf", "Port 22\n"),
        ("/etc/sudoers", "@include /srv/rules\n@includedir /srv/sudo.d\n"),
        ("/srv/rules", "root ALL=(ALL) ALL\n"),
    ]);
    let has = |fact: &str, input: Input| {
        let inputs = tree.reader().inputs(&id(fact));
        assert!(inputs.contains(&input), "{fact}: {inputs:?}");
    };
    has("accounts:open_home_directories", Input::Place(tree.path("/home/ann")));
    has("accounts:administrators_with_key", Input::File(tree.path("/home/ann/.ssh/authorized_keys")));
    has("sshd:permitrootlogin", Input::Entries(tree.path("/srv/ssh")));
    has("sudo:nopasswd_rules", Input::File(tree.path("/srv/rules")));
    has("sudo:nopasswd_rules", Input::Entries(tree.path("/srv/sudo.d")));
    has("sudo:nopasswd_rules", Input::Entries(tree.path("/etc/sudoers.d")));
    has("unit:ssh.service", Input::Unit("ssh.service".to_owned()));
}
