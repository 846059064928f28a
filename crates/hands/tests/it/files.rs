//! `file.restore` on files of the test's own: content, owner and mode, there and back.

use std::fs;
use std::os::unix::fs::symlink;

use contract::digest::Digest;
use contract::record::Before;
use hands::HandError;
use serde_json::json;

use crate::rig::Rig;

#[test]
fn a_mode_is_restored_and_given_back_on_the_very_inode() {
    let Some(rig) = Rig::new() else { return };
    rig.write("etc/a", "text", 0o666);
    let action = rig.restore("etc/a", &json!({"mode": "0640"}));
    let (before, _) = rig.act(&action).unwrap();
    assert!(matches!(before, Before::FileMode { .. }), "{before:?}");
    assert_eq!(rig.owned("etc/a"), (0o640, 0, 0));
    for _ in 0..2 {
        rig.undo(&action, &before).unwrap();
        assert_eq!(rig.owned("etc/a"), (0o666, 0, 0));
    }
    fs::rename(rig.path("etc/a"), rig.path("etc/old")).unwrap();
    rig.write("etc/a", "another", 0o600);
    assert!(matches!(rig.undo(&action, &before), Err(HandError::Replaced(_))));
    assert_eq!((rig.owned("etc/a").0, rig.owned("etc/old").0), (0o600, 0o666));
}

#[test]
fn an_owner_is_restored_and_given_back_with_the_set_user_bit() {
    let Some(rig) = Rig::new() else { return };
    rig.write("etc/a", "text", 0o644);
    std::os::unix::fs::chown(rig.path("etc/a"), Some(1234), Some(4321)).unwrap();
    fs::set_permissions(rig.path("etc/a"), std::os::unix::fs::PermissionsExt::from_mode(0o4755)).unwrap();
    let action = rig.restore("etc/a", &json!({"owner": "root", "group": "root"}));
    let (before, _) = rig.act(&action).unwrap();
    assert!(matches!(before, Before::Permissions { uid: 1234, gid: 4321, .. }), "{before:?}");
    assert_eq!(rig.owned("etc/a"), (0o4755, 0, 0), "nothing but the owner was declared");
    for _ in 0..2 {
        rig.undo(&action, &before).unwrap();
        assert_eq!(rig.owned("etc/a"), (0o4755, 1234, 4321));
    }
    let nobody = rig.restore("etc/a", &json!({"owner": "nosuchuser"}));
    assert!(matches!(rig.arm(&nobody), Err(HandError::NotAsDeclared { .. })));
}

#[test]
fn content_owner_and_mode_come_and_go_together() {
    let Some(rig) = Rig::new() else { return };
    rig.write("etc/a", "old\n", 0o604);
    std::os::unix::fs::chown(rig.path("etc/a"), Some(7), Some(8)).unwrap();
    let fields = json!({"content": "new\n", "mode": "0600", "owner": "root", "group": "root"});
    let action = rig.restore("etc/a", &fields);
    let (before, _) = rig.act(&action).unwrap();
    assert_eq!((rig.text("etc/a").unwrap().as_str(), rig.owned("etc/a")), ("new\n", (0o600, 0, 0)));
    for _ in 0..2 {
        rig.undo(&action, &before).unwrap();
        assert_eq!((rig.text("etc/a").unwrap().as_str(), rig.owned("etc/a")), ("old\n", (0o604, 7, 8)));
    }
    assert_eq!(rig.names("etc"), ["a"], "a candidate is left");
}

#[test]
fn what_was_not_there_is_made_and_removed_again() {
    let Some(rig) = Rig::new() else { return };
    let action = rig.restore("etc/a", &json!({"content": "new\n"}));
    let (before, _) = rig.act(&action).unwrap();
    assert_eq!((before.clone(), rig.owned("etc/a")), (Before::File(None), (0o644, 0, 0)));
    for _ in 0..2 {
        rig.undo(&action, &before).unwrap();
        assert!(rig.names("etc").is_empty());
    }
}

#[test]
fn an_undo_whose_act_never_began_changes_nothing_and_clears_what_a_power_cut_left() {
    let Some(rig) = Rig::new() else { return };
    rig.write("etc/a", "old", 0o600);
    let action = rig.restore("etc/a", &json!({"content": "new"}));
    let armed = rig.arm(&action).unwrap();
    let inode = |rig: &Rig| std::os::unix::fs::MetadataExt::ino(&fs::metadata(rig.path("etc/a")).unwrap());
    let was = inode(&rig);
    rig.write("etc/.a.suture-new", "half a candid", 0o600);
    rig.undo(&action, armed.before()).unwrap();
    assert_eq!((inode(&rig), rig.names("etc")), (was, vec!["a".to_owned()]));
    // Nor does a candidate that was left behind stand in the way of the next act.
    rig.write("etc/.a.suture-new", "half a candid", 0o600);
    rig.act(&action).unwrap();
    assert_eq!((rig.text("etc/a").unwrap().as_str(), rig.names("etc").len()), ("new", 1));
}

#[test]
fn no_link_is_followed_and_nothing_but_a_file_is_replaced() {
    let Some(rig) = Rig::new() else { return };
    rig.write("etc/real", "real", 0o600);
    symlink("real", rig.path("etc/link")).unwrap();
    symlink("etc", rig.path("way")).unwrap();
    fs::create_dir(rig.path("etc/dir")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, rig.path("etc/pipe"), rustix::fs::Mode::RUSR).unwrap();
    for name in ["etc/link", "way/real", "etc/dir", "etc/pipe", "none/a"] {
        let refused = rig.arm(&rig.restore(name, &json!({"content": "new"})));
        assert!(matches!(refused, Err(HandError::File { .. })), "{name}: {refused:?}");
    }
    for name in ["etc/link", "way/real", "etc/pipe", "etc/none"] {
        let refused = rig.arm(&rig.restore(name, &json!({"mode": "0644"})));
        assert!(matches!(refused, Err(HandError::File { .. })), "{name}: {refused:?}");
    }
    assert_eq!((rig.text("etc/real").unwrap().as_str(), rig.owned("etc/real").0), ("real", 0o600));
}

#[test]
fn a_directory_that_others_may_write_to_is_not_trusted() {
    let Some(rig) = Rig::new() else { return };
    let action = rig.restore("etc/a", &json!({"content": "new"}));
    for (mode, uid) in [(0o777, 0), (0o775, 0), (0o755, 1)] {
        fs::set_permissions(rig.path("etc"), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        std::os::unix::fs::chown(rig.path("etc"), Some(uid), None).unwrap();
        let refused = rig.arm(&action);
        assert!(matches!(refused, Err(HandError::File { .. })), "{mode:o} of {uid}: {refused:?}");
    }
}

#[test]
fn a_file_that_was_changed_since_it_was_kept_is_left_alone() {
    let Some(rig) = Rig::new() else { return };
    rig.write("etc/a", "old", 0o600);
    let armed = rig.arm(&rig.restore("etc/a", &json!({"content": "new"}))).unwrap();
    rig.write("etc/a", "somebody's work", 0o600);
    let refused = armed.act(&rig.place());
    assert!(matches!(refused, Err(HandError::Replaced(_))), "{refused:?}");
    assert_eq!((rig.text("etc/a").unwrap().as_str(), rig.names("etc").len()), ("somebody's work", 1));
}

#[test]
fn too_late_or_asked_to_stop_means_untouched() {
    let Some(mut rig) = Rig::new() else { return };
    rig.write("etc/a", "old", 0o600);
    for fields in [json!({"content": "new"}), json!({"mode": "0644"})] {
        let action = rig.restore("etc/a", &fields);
        rig.time_limit_ms = 0;
        assert!(matches!(rig.act(&action), Err(HandError::TooLate)));
        rig.time_limit_ms = 10_000;
        rig.interrupt.ask();
        assert!(matches!(rig.act(&action), Err(HandError::Interrupted)));
        rig.interrupt = hands::Interrupt::default();
    }
    assert_eq!((rig.text("etc/a").unwrap().as_str(), rig.owned("etc/a").0), ("old", 0o600));
}

#[test]
fn a_snapshot_that_was_altered_is_not_put_back() {
    let Some(rig) = Rig::new() else { return };
    rig.write("etc/a", "old", 0o600);
    let action = rig.restore("etc/a", &json!({"content": "new"}));
    let (before, _) = rig.act(&action).unwrap();
    fs::write(rig.place().snapshot.kept("content", &Digest::of(b"old")), "forged").unwrap();
    assert!(matches!(rig.undo(&action, &before), Err(HandError::Snapshot(_))));
    assert_eq!(rig.text("etc/a").unwrap(), "new");
}
