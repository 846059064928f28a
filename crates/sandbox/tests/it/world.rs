use sandbox::{
    Capability, Confinement, Exit, Identity, LaunchError, Layer, Misuse, Profile, Program, ProgramError,
};

use crate::stage::{PROFILES, Stage, hostile, stdout};

/// A line of `/proc/self/status`, or of what the harmless program says.
fn line(text: &str, name: &str) -> String {
    let found = text.lines().find_map(|line| line.strip_prefix(name));
    found.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_owned()
}

#[test]
fn a_harmless_program_sees_what_it_was_given_and_nothing_else() {
    let stage = Stage::new();
    for profile in PROFILES {
        let mut confinement = stage.confinement(profile);
        confinement.environment = vec![("LANG".to_owned(), "C".to_owned())];
        confinement.stdin = b"a word".to_vec();
        let finished = stage.run_in(&confinement, "harmless", "-n");
        let said = stdout(&finished);
        assert_eq!(finished.exit, Exit::Code(0), "{profile}: {said}");
        assert_eq!(finished.stderr, b"to the other output\n");
        assert_eq!(line(&said, "stdin="), "a word");
        assert_eq!(line(&said, "arg="), "-n");
        assert_eq!(line(&said, "environment="), "LANG=C");
        // Three, and the directory that it reads to see them.
        assert_eq!(line(&said, "descriptors="), "0,1,2,3");
        assert_eq!(line(&said, "exe="), hostile().display().to_string());
        assert_eq!(line(&said, "NoNewPrivs:"), "1");
        assert_eq!(line(&said, "Seccomp:"), "2");
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            assert_eq!(line(&said, set), "0000000000000000", "{set}");
        }
        assert!(finished.confined_by.contains(&Layer::Namespaces));
        assert!(finished.confined_by.contains(&Layer::Seccomp(profile)));
        assert!(finished.cost.wall >= finished.cost.ready && finished.cost.peak_bytes > 0);
        assert!(finished.connections.is_empty());
    }
}

#[test]
fn a_panic_is_the_programs_own_end() {
    let finished = Stage::new().run(Profile::Strict, "panic", "");
    assert_eq!(finished.exit, Exit::Code(101));
    assert!(String::from_utf8_lossy(&finished.stderr).contains("as a program may"));
}

#[test]
fn declared_capabilities_stay_and_an_identity_is_taken() {
    let stage = Stage::new();
    if !rustix::process::geteuid().is_root() {
        println!("not run: capabilities and identities need root");
        return;
    }
    let mut confinement = stage.confinement(Profile::Standard);
    confinement.capabilities = vec![Capability::Chown, Capability::DacReadSearch];
    confinement.identity = Some(Identity { uid: 12_345, gid: 12_346, groups: vec![12_347] });
    let said = stdout(&stage.run_in(&confinement, "harmless", ""));
    // CAP_CHOWN is bit 0 and CAP_DAC_READ_SEARCH bit 2, in every set: also for a user who is not root, through the exec.
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(line(&said, set), "0000000000000005", "{set}");
    }
    assert_eq!(line(&said, "Uid:"), "12345\t12345\t12345\t12345");
    assert_eq!(line(&said, "Gid:"), "12346\t12346\t12346\t12346");
    assert_eq!(line(&said, "Groups:"), "12347");
}

#[test]
fn what_is_writable_is_written() {
    let stage = Stage::new();
    for profile in PROFILES {
        let file = stage.writable.join(profile.to_string());
        let finished = stage.run(profile, "write", &file.display().to_string());
        assert_eq!(finished.exit, Exit::Code(0), "{}", stdout(&finished));
        assert_eq!(std::fs::read_to_string(file).unwrap(), "out");
        let finished = stage.run(profile, "write", "/tmp/scratch");
        assert_eq!(finished.exit, Exit::Code(0), "{}", stdout(&finished));
        assert!(!std::path::Path::new("/tmp/scratch").exists(), "its /tmp is the machine's");
    }
}

#[test]
fn programs_of_the_system_run_under_the_standard_profile() {
    let stage = Stage::new();
    let script = "set -e; cd /tmp; printf 'b\\na\\n' > x; sort x > y; tar cf z.tar x y; gzip z.tar; ls -l /proc | wc -l > /dev/null; \
        cat y; id -u; sleep 0; (echo sub); date -u +%Y > /dev/null";
    let shell = std::path::Path::new("/bin/sh").canonicalize().unwrap();
    let program = Program::unpinned(&shell, vec!["-c".to_owned(), script.to_owned()]).unwrap();
    for profile in [Profile::Standard, Profile::StandardNet, Profile::Netfilter] {
        let finished = stage.launcher.run(&program, &stage.confinement(profile)).unwrap();
        let (said, complained) = (stdout(&finished), String::from_utf8_lossy(&finished.stderr));
        assert_eq!(finished.exit, Exit::Code(0), "{said}{complained}");
        assert!(said.starts_with("a\nb\n") && said.ends_with("sub\n"), "{said}");
    }
    // And under `strict` the shell can start none of them.
    let finished = stage.launcher.run(&program, &stage.confinement(Profile::Strict)).unwrap();
    assert!(matches!(finished.exit, Exit::BadSyscall), "{}", finished.exit);
}

#[test]
fn a_file_that_is_not_the_one_that_was_hashed_does_not_run() {
    let stage = Stage::new();
    let path = stage.shown.join("program");
    std::fs::copy(hostile(), &path).unwrap();
    let args = vec!["harmless".to_owned()];
    let program = Program::unpinned(&path, args.clone()).unwrap();
    let digest = program.digest();
    assert!(Program::open(&path, args.clone(), &digest).is_ok());
    // The path leads to another file now, as an attacker would have it.
    std::fs::remove_file(&path).unwrap();
    std::fs::copy("/bin/true", &path).unwrap();
    let refused = stage.launcher.run(&program, &stage.confinement(Profile::Standard)).unwrap_err();
    assert!(matches!(&refused, LaunchError::Launcher { at, .. } if at == "the program"), "{refused}");
    assert!(matches!(Program::open(&path, args, &digest), Err(ProgramError::OtherDigest { .. })));
}

#[test]
fn a_program_that_is_hidden_and_a_place_that_is_not_there_start_nothing() {
    let stage = Stage::new();
    let mut confinement = Confinement::new(Profile::Strict);
    confinement.hidden = vec![hostile().parent().unwrap().to_owned()];
    let refused = stage.launcher.run(&stage.program("harmless", ""), &confinement).unwrap_err();
    assert!(matches!(refused, LaunchError::Misuse(Misuse::ShownAndHidden { .. })), "{refused}");
    let mut confinement = stage.confinement(Profile::Strict);
    confinement.directory = "/no/such/place".into();
    let refused = stage.launcher.run(&stage.program("harmless", ""), &confinement).unwrap_err();
    assert!(matches!(&refused, LaunchError::Launcher { at, .. } if at == "the directory"), "{refused}");
    let silent = sandbox::Launcher::at("/bin/true".into());
    let refused =
        silent.run(&stage.program("harmless", ""), &stage.confinement(Profile::Strict)).unwrap_err();
    assert!(matches!(refused, LaunchError::Silent | LaunchError::Setup { .. }), "{refused}");
}
