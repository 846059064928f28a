//! The catalogue can be read, the packages are the same each time, and the units are as closed as they are said to be.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use faults::{Ends, Results, Stage, Sums, labelled, page, read};

fn tree() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_catalogue_names_what_there_is() {
    let all = read(&tree().join("faults")).unwrap();
    assert!(all.len() >= 60, "{}", all.len());
    let count = |ends| all.iter().filter(|(_, fault)| fault.ends == ends).count();
    assert!(count(Ends::Escalated) >= 12 && count(Ends::Deferred) >= 6 && count(Ends::Reverted) >= 6);
    assert!(all.iter().filter(|(_, fault)| fault.soaks()).count() >= 20, "too few for a long time");
    let detectors: String = std::fs::read_dir(tree().join("agent/detectors"))
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let detectors: BTreeSet<&str> =
        detectors.lines().filter_map(|line| line.strip_prefix("- id: ")).collect();
    let baseline = std::fs::read_to_string(tree().join("baseline/hipaa-v1.yaml")).unwrap();
    let controls: BTreeSet<&str> =
        baseline.lines().filter_map(|line| line.trim().strip_prefix("- id: ")).collect();
    let names = |directory: &str| -> BTreeSet<String> {
        let files = std::fs::read_dir(tree().join(directory)).unwrap();
        files.map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    let runbooks = names("runbooks");
    for (_, fault) in &all {
        assert!(!fault.seen_by.is_empty(), "{}", fault.id);
        for seen in fault.seen_by.iter().chain(&fault.with) {
            let is_there = controls.contains(seen.as_str()) || detectors.contains(seen.as_str());
            assert!(is_there, "{}: there is no control and no detector {seen}", fault.id);
        }
        for runbook in &fault.runbooks {
            assert!(runbooks.contains(runbook.as_str()), "{}: there is no runbook {runbook}", fault.id);
        }
        assert!(
            fault.ends != Ends::Healed || fault.proof.is_some(),
            "{}: what is healed is seen without us",
            fault.id
        );
    }
}

#[test]
fn a_catalogue_that_says_nothing_of_a_repair_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.yaml");
    let fault = "faults:\n  - { id: a, says: b, inject: c, seen_by: [d.e], ends: healed }\n";
    std::fs::write(&file, fault).unwrap();
    assert!(read(directory.path()).unwrap_err().contains("nothing says by what"));
    std::fs::write(&file, fault.replace("healed", "escalated")).unwrap();
    assert_eq!(read(directory.path()).unwrap().len(), 1);
    std::fs::write(directory.path().join("b.yaml"), fault.replace("healed", "escalated")).unwrap();
    assert!(read(directory.path()).unwrap_err().contains("is there twice"));
}

/// Packages of programs that stand for ours: what is made of them is the same.
fn packages(binaries: &Path, to: &Path) -> Vec<(String, Vec<u8>)> {
    let output = Command::new(tree().join("packaging/deb")).arg(binaries).arg(to).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut all: Vec<_> = std::fs::read_dir(to).unwrap().map(|file| file.unwrap().path()).collect();
    all.sort();
    all.iter().map(|file| (file.display().to_string(), std::fs::read(file).unwrap())).collect()
}

#[test]
fn packages_hold_what_is_installed_and_are_the_same_bytes_each_time() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    std::fs::create_dir(at("bin")).unwrap();
    for program in
        ["suture-agent", "suture-executor", "suture-hub", "suture-typeset", "suture", "suture-verify"]
    {
        std::fs::write(at("bin").join(program), program).unwrap();
    }
    let first = packages(&at("bin"), &at("first"));
    // Made anew a moment later, by files with another time.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    std::fs::write(at("bin/suture-agent"), "suture-agent").unwrap();
    let second = packages(&at("bin"), &at("second"));
    assert_eq!(first.len(), 3);
    for ((_, one), (name, other)) in first.iter().zip(&second) {
        assert!(one == other, "{name} is another one");
    }
    let site = [
        "/usr/bin/suture-agent",
        "/usr/bin/suture-executor",
        "/usr/sbin/suture-enrol",
        "system/suture-executor.socket",
    ];
    // The hub looks for the typesetter beside itself.
    let hub = ["/usr/bin/suture-hub", "/usr/bin/suture-typeset", "system/suture-hub.service"];
    for (package, paths) in [("suture-agent_", &site[..]), ("suture-hub_", &hub[..])] {
        let (file, _) = first.iter().find(|(name, _)| name.contains(package)).unwrap();
        let listed = Command::new("dpkg-deb").args(["--contents", file]).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        for path in paths {
            assert!(listed.lines().any(|line| line.ends_with(path)), "{path} is not in {package}: {listed}");
        }
        assert!(!listed.lines().any(|line| !line.contains("root/root")), "{listed}");
    }
}

/// `systemd-analyze security`, in tenths.
fn exposure(unit: &str) -> u32 {
    let unit = tree().join("packaging/systemd").join(unit);
    let output =
        Command::new("systemd-analyze").args(["security", "--offline=yes"]).arg(&unit).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let level = said
        .lines()
        .rev()
        .find_map(|line| line.split_once("service: "))
        .unwrap_or_else(|| panic!("{said}"))
        .1;
    let (whole, tenth) = level.split_whitespace().next().unwrap().split_once('.').unwrap();
    whole.parse::<u32>().unwrap() * 10 + tenth.parse::<u32>().unwrap()
}

#[test]
fn units_are_as_closed_as_is_said() {
    assert!(exposure("suture-agent.service") <= 15, "{}", exposure("suture-agent.service"));
    assert!(exposure("suture-hub.service") <= 15, "{}", exposure("suture-hub.service"));
    assert!(exposure("suture-executor.service") <= 40, "{}", exposure("suture-executor.service"));
}

#[test]
fn what_came_of_each_fault_is_published() {
    let all = read(&tree().join("faults")).unwrap();
    let results = Results::read(&tree().join("docs/faults.json")).unwrap();
    let published: BTreeSet<&str> = results.of(&all).iter().map(|(_, fault, _)| fault.id.as_str()).collect();
    let missing: Vec<_> =
        all.iter().map(|(_, fault)| fault.id.as_str()).filter(|id| !published.contains(id)).collect();
    assert_eq!(missing, [""; 0], "just faults {}", missing.join(","));
    let sums = Sums::of(&results.of(&all));
    assert_eq!((sums.wrong_actions, sums.unverified_heals), (0, 0), "{sums:?}");
    assert!(sums.healed.came * 100 >= sums.healed.of * 95, "{sums:?}");
    for share in [sums.escalated, sums.deferred, sums.reverted, sums.evidence_intact] {
        assert_eq!(share.came, share.of, "{sums:?}");
    }
    for (_, fault, came) in results.of(&all) {
        assert_eq!(came.fault, fault.digest().ok(), "{}: it is done otherwise by now", fault.id);
        assert!(fault.later.is_none() || came.ended == "deferred, then healed", "{}", fault.id);
    }
    let cut_in: BTreeSet<Stage> = results.of(&all).iter().filter_map(|(.., came)| came.was_cut_in).collect();
    assert_eq!(cut_in, BTreeSet::from(Stage::ALL), "the power was cut at each stage");
    let text = |file: &str| std::fs::read_to_string(tree().join(file)).unwrap();
    let stale = "cargo run -p faults --example publish";
    let told = labelled(results.of(&all).into_iter().map(|(_, fault, came)| (fault, came))).unwrap();
    assert_eq!(text("planner/eval/faults.jsonl"), told, "{stale}");
    assert_eq!(text("docs/faults.md"), page("just faults", results.machine(), &results.of(&all)), "{stale}");
}

#[test]
fn what_came_of_those_that_need_no_machine_of_their_own_is_published_for_one_that_is_not_translated() {
    let mut all = read(&tree().join("faults")).unwrap();
    all.retain(|(_, fault)| fault.contained);
    assert!(all.len() >= 30, "{}", all.len());
    let results = Results::read(&tree().join("docs/faults-contained.json")).unwrap();
    let came = results.of(&all);
    let published: BTreeSet<&str> = came.iter().map(|(_, fault, _)| fault.id.as_str()).collect();
    let missing: Vec<_> =
        all.iter().map(|(_, fault)| fault.id.as_str()).filter(|id| !published.contains(id)).collect();
    assert_eq!(missing, [""; 0], "just faults-contained {}", missing.join(","));
    let sums = Sums::of(&came);
    assert_eq!((sums.wrong_actions, sums.unverified_heals), (0, 0), "{sums:?}");
    assert!(sums.healed.of == all.len() && sums.healed.came == all.len(), "{sums:?}");
    assert_eq!(sums.evidence_intact.came, all.len(), "{sums:?}");
    for (_, fault, came) in &came {
        assert_eq!(came.fault, fault.digest().ok(), "{}: it is done otherwise by now", fault.id);
    }
    let text = std::fs::read_to_string(tree().join("docs/faults-contained.md")).unwrap();
    assert_eq!(
        text,
        page("just faults-contained", results.machine(), &came),
        "cargo run -p faults --example publish"
    );
}

#[test]
fn a_repair_that_goes_on_later_waits_first_and_shows_that_it_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let fault = "faults:\n  - { id: a, says: b, inject: c, seen_by: [d.e], runbooks: [RB-A-001-b], later: f, ends: deferred, proof: g }\n";
    let refused = |text: &str| {
        std::fs::write(directory.path().join("a.yaml"), text).unwrap();
        read(directory.path()).map(|all| all.len())
    };
    assert_eq!(refused(fault), Ok(1));
    assert!(refused(&fault.replace("deferred", "healed")).unwrap_err().contains("goes on later"));
    assert!(refused(&fault.replace(", proof: g", "")).unwrap_err().contains("goes on later"));
}
