//! What runs on NixOS against what was declared: generations, units, the store.

use contract::fact::{Absence, Observation};

use crate::tree::{Tree, check, flag, id, number};

fn nixos() -> Tree {
    Tree::new()
        .file("/etc/NIXOS", "")
        .directory("/nix/store/a-system")
        .directory("/nix/store/b-system")
        .link("/nix/var/nix/profiles/system", "system-42-link")
        .link("/nix/var/nix/profiles/system-42-link", "../../../store/a-system")
}

#[test]
fn nixos_runs_what_was_declared() {
    let fact = "nixos:running_is_declared";
    assert_eq!(nixos().link("/run/current-system", "../nix/store/a-system").read(fact), flag(true));
    assert_eq!(nixos().link("/run/current-system", "../nix/store/b-system").read(fact), flag(false));
    assert_eq!(nixos().read(fact), Err(Absence::NotInstalled));
    assert_eq!(nixos().read("nixos:generation_age_days"), number(0));
    for (options, read_only) in [("ro,nosuid", true), ("rw", false)] {
        let mounts = format!(
            "22 27 0:21 / /proc rw - proc proc rw\n40 27 8:2 /nix/store /nix/store {options} - ext4 /dev/sda2 rw\n"
        );
        let tree = nixos().file("/proc/self/mountinfo", &mounts);
        assert_eq!(tree.read("nixos:store_read_only"), flag(read_only));
        // Whatever a confined service sees: it may write nowhere itself.
        let confined = mounts.replace(options, "ro");
        let tree = nixos().file("/proc/1/mountinfo", &mounts).file("/proc/self/mountinfo", &confined);
        assert_eq!(tree.read("nixos:store_read_only"), flag(read_only));
    }
}

#[test]
fn the_machine_was_started_from_a_generation_that_was_declared() {
    let fact = "nixos:booted_is_declared";
    let booted = |tree: Tree, to: &str| tree.link("/run/booted-system", to).read(fact);
    let earlier = || nixos().link("/nix/var/nix/profiles/system-41-link", "../../../store/b-system");
    assert_eq!(booted(nixos(), "../nix/store/a-system"), flag(true));
    assert_eq!(booted(earlier(), "../nix/store/b-system"), flag(true), "it was switched since");
    assert_eq!(booted(nixos(), "../nix/store/b-system"), flag(false), "no generation leads there");
    let collected = nixos().link("/nix/var/nix/profiles/system-40-link", "../../../store/gone");
    assert_eq!(booted(collected, "../nix/store/a-system"), flag(true));
    assert_eq!(earlier().read(fact), Err(Absence::NotInstalled), "nothing says what was started");
    let undeclared = Tree::new().file("/etc/NIXOS", "").directory("/nix/store/a-system");
    assert_eq!(booted(undeclared, "../nix/store/a-system"), Err(Absence::NotInstalled));
}

#[test]
fn elsewhere_none_of_it_applies() {
    for fact in [
        "running_is_declared",
        "booted_is_declared",
        "generation_age_days",
        "store_read_only",
        "store_altered_paths",
        "undeclared_units",
    ] {
        check(&[("/etc/passwd", "")], &format!("nixos:{fact}"), &Err(Absence::DoesNotApply));
    }
}

/// A generation with two units, one of them with a drop-in, one masked, and what is wanted by a target; `/etc` leads to it by way of `static`.
fn declaring() -> Tree {
    let units = "/nix/store/u-system-units";
    Tree::new()
        .file("/etc/NIXOS", "")
        .file("/nix/store/s-unit-ssh/ssh.service", "[Service]\nExecStart=/nix/store/o/sshd\n")
        .link(&format!("{units}/ssh.service"), "../s-unit-ssh/ssh.service")
        .file(&format!("{units}/ssh.service.d/overrides.conf"), "[Service]\nNice=1\n")
        .file(&format!("{units}/web.service"), "[Service]\nExecStart=/nix/store/w/web\n")
        .link(&format!("{units}/multi-user.target.wants/web.service"), "../web.service")
        .link(&format!("{units}/beep.service"), "/dev/null")
        .link("/nix/store/e-etc/etc/systemd/system", "../../../u-system-units")
        .link("/nix/store/a-system/etc", "../e-etc/etc")
        .link("/run/current-system", "../nix/store/a-system")
        .link("/etc/static", "../nix/store/e-etc/etc")
        .directory("/run/systemd/system")
}

const UNITS: &str = "nixos:undeclared_units";

fn linked() -> Tree {
    declaring().link("/etc/systemd/system", "../static/systemd/system")
}

/// The same in `/etc` itself, as an overlay or a copy has it.
fn copied() -> Tree {
    declaring()
        .file("/etc/systemd/system/ssh.service", "[Service]\nExecStart=/nix/store/o/sshd\n")
        .file("/etc/systemd/system/ssh.service.d/overrides.conf", "[Service]\nNice=1\n")
        .link("/etc/systemd/system/web.service", "../../../nix/store/u-system-units/web.service")
        .link("/etc/systemd/system/multi-user.target.wants/web.service", "../web.service")
        .link("/etc/systemd/system/beep.service", "/dev/null")
}

/// What is undeclared is one, and the watch hears of it where it comes.
fn seen(tree: &Tree, at: &str, want: i64) {
    let inputs = tree.reader().inputs(&id(UNITS));
    assert!(inputs.iter().any(|input| crate::tree::covers(input, tree, at)), "{at} is not watched");
    assert_eq!(tree.read(UNITS), number(want), "{at}");
}

#[test]
fn what_the_generation_declares_is_what_systemd_reads() {
    assert_eq!(linked().read(UNITS), number(0));
    assert_eq!(copied().read(UNITS), number(0));
    // systemd's own: a session, and what it made of fstab.
    let own = linked()
        .file("/run/systemd/transient/session-1.scope", "[Scope]\n")
        .file("/run/systemd/generator/home.mount", "[Mount]\n");
    assert_eq!(own.read(UNITS), number(0));
}

#[test]
fn a_unit_a_drop_in_or_a_mask_beside_the_generation_is_counted() {
    let service = "[Service]\nExecStart=/tmp/x --password=hunter2\n";
    for at in [
        "/run/systemd/system/back-door.service",
        "/run/systemd/system/ssh.service.d/10-env.conf",
        "/run/systemd/system/multi-user.target.wants/x.service",
        "/run/systemd/system.control/ssh.service.d/50-MemoryMax.conf",
        "/etc/systemd/system.control/ssh.service.d/50-MemoryMax.conf",
        "/etc/systemd/system.attached/portable.service",
        "/run/systemd/system-generators/make-more",
        "/usr/local/lib/systemd/system/x.service",
        "/nix/var/nix/profiles/default/lib/systemd/system/x.service",
        "/etc/systemd/system-generators/make-more",
    ] {
        seen(&linked().file(at, service), at, 1);
    }
    let masked = "/run/systemd/system/web.service";
    seen(&linked().link(masked, "/dev/null"), masked, 1);
    let dangling = "/run/systemd/system/multi-user.target.wants/later.service";
    seen(&linked().link(dangling, "/srv/nowhere/later.service"), dangling, 1);
    let whole = linked().file("/srv/d/a.conf", "").file("/srv/d/b.conf", "");
    let at = "/run/systemd/system/web.service.d";
    seen(&whole.link(at, "../../../srv/d"), at, 2);
    let empty = linked().directory("/run/systemd/system/web.service.d");
    assert_eq!(empty.read(UNITS), number(0), "nothing is in it");
}

#[test]
fn a_unit_in_etc_that_is_not_as_declared_is_counted() {
    let etc = "/etc/systemd/system";
    seen(&copied().file(&format!("{etc}/x.service"), ""), &format!("{etc}/x.service"), 1);
    let altered = copied().file(&format!("{etc}/ssh.service"), "[Service]\nExecStart=/tmp/sshd\n");
    seen(&altered, &format!("{etc}/ssh.service"), 1);
    let added = copied().file(&format!("{etc}/web.service.d/evil.conf"), "");
    seen(&added, &format!("{etc}/web.service.d/evil.conf"), 1);
    let within = copied().file(&format!("{etc}/ssh.service.d/zz.conf"), "");
    seen(&within, &format!("{etc}/ssh.service.d/zz.conf"), 1);
    // What is missing is not as declared, either.
    let gone = copied();
    std::fs::remove_file(gone.path(&format!("{etc}/multi-user.target.wants/web.service"))).unwrap();
    assert_eq!(gone.read(UNITS), number(1));
    // Unmasked: a file in the place of the device.
    let masked = copied();
    std::fs::remove_file(masked.path(&format!("{etc}/beep.service"))).unwrap();
    assert_eq!(masked.file(&format!("{etc}/beep.service"), "[Unit]\n").read(UNITS), number(1));
    let elsewhere = declaring().link(etc, "../../srv/units").file("/srv/units/ssh.service", "");
    assert_eq!(elsewhere.read(UNITS), number(5), "another directory in the place of the declared one");
}

#[test]
fn a_generation_without_units_agrees_with_nothing() {
    let nothing = |tree: Tree, want: Observation| assert_eq!(tree.read(UNITS), want);
    nothing(nixos(), Err(Absence::NotInstalled));
    let empty = nixos()
        .directory("/nix/store/a-system/etc/systemd/system")
        .link("/run/current-system", "../nix/store/a-system");
    nothing(empty, Err(Absence::NotInstalled));
}
