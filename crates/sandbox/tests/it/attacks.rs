use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use sandbox::{Exit, Feature, Finished, Layer, Means, Profile};

use crate::stage::{PROFILES, SECRET, Stage, stdout};

/// Neither did it what it wanted, nor is anything of it left.
fn contained(stage: &Stage, profile: Profile, word: &str, finished: &Finished) {
    let said = stdout(finished);
    assert!(!said.contains("did "), "{word} under {profile}: {said}");
    assert!(
        matches!(finished.exit, Exit::BadSyscall | Exit::Code(3)),
        "{word} under {profile}: {} {said} {}",
        finished.exit,
        String::from_utf8_lossy(&finished.stderr)
    );
    stage.nobody_is_left();
}

#[test]
fn what_no_program_of_ours_needs_kills_by_name() {
    let stage = Stage::new();
    let at = stage.writable.display().to_string();
    for profile in PROFILES {
        for (word, arg) in [
            ("ptrace", "1"),
            ("mount", at.as_str()),
            ("setns", "/proc/self/ns/net"),
            ("unshare", ""),
            ("sigsys", ""),
        ] {
            let finished = stage.run(profile, word, arg);
            contained(&stage, profile, word, &finished);
            assert_eq!(finished.exit, Exit::BadSyscall, "{word} under {profile}");
        }
    }
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
    assert!(!mounts.contains(&at), "a mount came through");
}

#[test]
fn no_raw_socket() {
    let stage = Stage::new();
    for profile in PROFILES {
        let finished = stage.run(profile, "raw", "");
        contained(&stage, profile, "raw", &finished);
    }
}

#[test]
fn nothing_is_written_where_nothing_may_be() {
    let stage = Stage::new();
    let outside = stage.shown.parent().unwrap().join("outside");
    for profile in PROFILES {
        for target in [
            outside.clone(),
            stage.shown.join("new"),
            stage.shown.join("plain"),
            stage.evidence.join("log"),
            "/etc/suture-was-here".into(),
            "/usr/suture-was-here".into(),
            "/suture-was-here".into(),
            "/proc/sys/kernel/core_pattern".into(),
            "/proc/sysrq-trigger".into(),
        ] {
            let finished = stage.run(profile, "write", &target.display().to_string());
            contained(&stage, profile, "write", &finished);
        }
        let finished = stage.run(profile, "sysctl", "/proc/sys/kernel/core_pattern");
        contained(&stage, profile, "sysctl", &finished);
    }
    assert!(!outside.exists() && !stage.shown.join("new").exists());
    assert!(!std::path::Path::new("/etc/suture-was-here").exists());
    assert!(!std::path::Path::new("/suture-was-here").exists());
    assert_eq!(std::fs::read_to_string(stage.shown.join("plain")).unwrap(), "for all to see");
    assert_eq!(std::fs::read_to_string(stage.evidence.join("log")).unwrap(), SECRET);
}

#[test]
fn the_evidence_and_the_key_are_not_there() {
    let stage = Stage::new();
    for profile in PROFILES {
        for secret in [stage.evidence.join("log"), stage.shown.join("key")] {
            let finished = stage.run(profile, "read", &secret.display().to_string());
            assert!(!stdout(&finished).contains(SECRET), "{profile}: {}", secret.display());
            contained(&stage, profile, "read", &finished);
        }
        // What lies beside them is: the attack fails because of what is hidden, not because nothing works.
        let finished = stage.run(profile, "read", &stage.shown.join("plain").display().to_string());
        assert_eq!((finished.exit, stdout(&finished).as_str()), (Exit::Code(0), "did for all to see\n"));
    }
}

#[test]
fn nobody_of_the_machine_can_be_spoken_to() {
    let stage = Stage::new();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    tcp.set_nonblocking(true).unwrap();
    let path = stage.shown.parent().unwrap().join("socket");
    let unix = UnixListener::bind(&path).unwrap();
    unix.set_nonblocking(true).unwrap();
    for profile in PROFILES {
        let finished = stage.run(profile, "tcp", &tcp.local_addr().unwrap().to_string());
        contained(&stage, profile, "tcp", &finished);
        let finished = stage.run(profile, "unix", &path.display().to_string());
        contained(&stage, profile, "unix", &finished);
        let finished = stage.run(profile, "list", "/run");
        // Landlock does not let it look; where there is none, there is nothing to see but the file that covers a hidden one.
        let said = stdout(&finished);
        assert!(said.starts_with("refused ") || said.trim() == "did" || said == "did nothing\n", "{said}");
    }
    assert!(tcp.accept().is_err() && unix.accept().is_err(), "somebody came through");
}

#[test]
fn init_cannot_be_looked_into() {
    let stage = Stage::new();
    for profile in PROFILES {
        let finished = stage.run(profile, "bystander", "1");
        contained(&stage, profile, "bystander", &finished);
    }
}

#[test]
fn a_fork_bomb_stops_at_its_limit_and_leaves_nobody() {
    let stage = Stage::new();
    let finished = stage.run(Profile::Strict, "forkbomb", "1000");
    contained(&stage, Profile::Strict, "forkbomb", &finished);
    for profile in [Profile::Standard, Profile::StandardNet, Profile::Netfilter] {
        let finished = stage.run(profile, "forkbomb", "1000");
        let means = finished.confined_by.iter().find_map(|layer| match layer {
            Layer::Pids(means) => Some(*means),
            _ => None,
        });
        // The tree's own limit counts from 300, as the kernel reserves them; a cgroup counts exactly.
        let most = match means {
            Some(Means::Cgroup | Means::Unit) => 20,
            Some(Means::Tree) => 321,
            Some(Means::EachProcess) | None => {
                panic!("nothing limits processes here: {:?}", finished.missing)
            }
        };
        let made: u64 = stdout(&finished).trim().trim_start_matches("did ").parse().unwrap();
        assert!(made > 0 && made <= most, "{made} of at most {most}");
        assert_eq!(finished.exit, Exit::Code(0));
        stage.nobody_is_left();
    }
}

#[test]
fn memory_ends_at_its_limit() {
    let stage = Stage::new();
    for profile in PROFILES {
        let finished = stage.run(profile, "memory", "512");
        let memory = finished.confined_by.iter().any(|layer| matches!(layer, Layer::Memory(_)));
        assert!(memory, "nothing limits memory here: {:?}", finished.missing);
        let took: u64 = stdout(&finished).trim().trim_start_matches("did ").parse().unwrap_or(0);
        assert!(took <= 64, "it took {took} MiB of 64");
        assert!(finished.cost.peak_bytes < 96 << 20, "{}", finished.cost.peak_bytes);
        if finished.confined_by.contains(&Layer::Memory(Means::Cgroup)) {
            assert_eq!(finished.exit, Exit::Memory);
        } else {
            println!("not run: the whole tree's memory (no cgroup v2 memory controller here)");
            assert_eq!(finished.exit, Exit::Code(0), "{}", String::from_utf8_lossy(&finished.stderr));
        }
        for scratch in ["/tmp/fill", "/dev/shm/fill"] {
            let finished = stage.run(profile, "shm", scratch);
            let took: u64 = stdout(&finished).trim().trim_start_matches("did ").parse().unwrap_or(0);
            assert!(took <= 32, "{scratch} took {took} MiB");
        }
        stage.nobody_is_left();
    }
}

#[test]
fn ten_gigabytes_of_output_end_at_the_cap() {
    let stage = Stage::new();
    for profile in PROFILES {
        let began = Instant::now();
        let finished = stage.run(profile, "output", &(10u64 << 30).to_string());
        assert_eq!(finished.exit, Exit::OutputCap);
        assert_eq!(finished.stdout.len(), 1 << 20);
        assert!(began.elapsed() < Duration::from_secs(10));
        stage.nobody_is_left();
    }
}

#[test]
fn a_program_that_spins_gets_its_share_of_a_processor() {
    let stage = Stage::new();
    let mut confinement = stage.confinement(Profile::Strict);
    confinement.limits.cpu_percent = 20;
    let finished = stage.run_in(&confinement, "spin", "4");
    assert_eq!(finished.exit, Exit::Code(0));
    let used = finished.cost.user + finished.cost.system;
    if finished.confined_by.contains(&Layer::Cpu(Means::Cgroup)) {
        assert!(used < finished.cost.wall * 2 / 5, "{used:?} of {:?}", finished.cost.wall);
    } else {
        println!("not run: a share of the processor (no cgroup v2 cpu controller here)");
        assert!(finished.missing.iter().any(|(feature, _)| *feature == Feature::CpuLimit));
    }
}

#[test]
fn a_program_that_ignores_sigterm_ends_on_time() {
    let stage = Stage::new();
    for profile in PROFILES {
        let mut confinement = stage.confinement(profile);
        confinement.limits.wall = Duration::from_millis(1500);
        let mark = stage.writable.join("stubborn");
        let began = Instant::now();
        let finished = stage.run_in(&confinement, "stubborn", &mark.display().to_string());
        assert_eq!(finished.exit, Exit::WallClock);
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        assert!(mark.exists(), "it never got to ignore anything");
        std::fs::remove_file(mark).unwrap();
        stage.nobody_is_left();
    }
}

#[test]
fn a_double_fork_does_not_outlive_the_step() {
    let stage = Stage::new();
    let mark = stage.writable.join("escaped");
    for profile in PROFILES {
        let finished = stage.run(profile, "escape", &mark.display().to_string());
        match profile {
            Profile::Strict => assert_eq!(finished.exit, Exit::BadSyscall),
            Profile::Standard | Profile::StandardNet | Profile::Netfilter => {
                assert_eq!((finished.exit, stdout(&finished).as_str()), (Exit::Code(0), "did escape\n"));
            }
        }
        stage.nobody_is_left();
    }
    std::thread::sleep(Duration::from_secs(1));
    assert!(!mark.exists(), "it wrote after the end");
}

#[test]
fn only_where_programs_may_be_started_are_programs_started() {
    let stage = Stage::new();
    for profile in PROFILES {
        let (exec, memory) = (stage.run(profile, "exec", ""), stage.run(profile, "memfd", ""));
        if profile == Profile::Strict {
            contained(&stage, profile, "exec", &exec);
            contained(&stage, profile, "memfd", &memory);
        } else {
            assert_eq!((exec.exit, stdout(&exec).as_str()), (Exit::Code(0), "did exit status: 0\n"));
        }
    }
}

#[test]
fn landlock_alone_keeps_a_strict_program_from_becoming_another() {
    let stage = Stage::new();
    let (strict, standard) = (Profile::Strict, Profile::Standard);
    if let Err(absence) = stage.launcher.features().level(Feature::Landlock) {
        println!("not run: landlock ({absence})");
        return;
    }
    let finished = stage.run(strict, "become", "");
    contained(&stage, strict, "become", &finished);
    assert_eq!(finished.exit, Exit::Code(3), "the filter lets this call through, so it is no death by it");
    assert_eq!(stage.run(standard, "become", "").exit, Exit::Code(0));
}
