//! The container backend, with a real podman where this machine has one.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use sandbox::container::Podman;
use sandbox::{Absence, Confinement, Exit, Feature, LaunchError, Misuse, Profile};

use crate::stage::{hostile, stdout};

/// A view of the machine in which cgroups are of version 2 only, because podman refuses to start where both are mounted. It lasts as long as this shell.
const VIEW: &str = r"
  if ! [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    umount --recursive /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup || exit 1
  fi
  echo ready
  read -r _
";

struct Stage {
    view: Child,
    podman: PathBuf,
    image: String,
    dir: tempfile::TempDir,
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// An image that holds the hostile program, what loads it, and nothing else.
fn stage() -> Stage {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut view = Command::new("unshare");
    view.args(["--mount", "sh", "-c", VIEW]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut view = view.spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(view.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, "ready\n");
    let podman = dir.path().join("podman");
    let (store, within) = (dir.path().display(), view.id());
    let wrapped = format!(
        "#!/bin/sh\nexec nsenter --mount --target {within} podman --root {store}/root --runroot {store}/run --cgroup-manager cgroupfs \"$@\"\n"
    );
    std::fs::write(&podman, wrapped).unwrap();
    std::fs::set_permissions(&podman, PermissionsExt::from_mode(0o755)).unwrap();
    let root = dir.path().join("image");
    let linked = Command::new("ldd").arg(hostile()).output().unwrap();
    let libraries = said(&linked);
    let libraries = libraries.split_whitespace().filter(|word| word.starts_with('/')).map(Path::new);
    for file in libraries.chain([hostile().as_path()]) {
        let program = Path::new("/hostile");
        let at = if file == hostile() { program } else { file };
        let to = root.join(at.strip_prefix("/").unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(file, to).unwrap();
    }
    let archive = dir.path().join("image.tar");
    said(&Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&root).arg(".").output().unwrap());
    let run = |args: &[&str]| said(&Command::new(&podman).args(args).stdin(Stdio::null()).output().unwrap());
    run(&["import", "--quiet", archive.to_str().unwrap(), "localhost/step"]);
    let digest = run(&["image", "inspect", "--format", "{{.Digest}}", "localhost/step"]);
    Stage { view, podman, image: format!("localhost/step@{digest}"), dir }
}

fn args(word: &str, arg: &str) -> Vec<String> {
    ["/hostile", word, arg].map(ToOwned::to_owned).to_vec()
}

impl Stage {
    fn containers(&self) -> String {
        let listed =
            Command::new(&self.podman).args(["ps", "--all", "--format", "{{.Names}}"]).output().unwrap();
        said(&listed)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What it mounted goes with the view, and the rest with the directory.
        let _ = Command::new(&self.podman).args(["rm", "--all", "--force"]).output();
        drop(self.view.stdin.take());
        let _ = self.view.wait();
    }
}

#[test]
fn a_step_in_a_container_has_what_it_declares_and_its_ends() {
    let stage = stage();
    let podman = Podman::new(stage.podman.clone(), stage.image.clone()).unwrap();
    let mut confinement = Confinement::new(Profile::Strict);
    confinement.limits.wall = Duration::from_secs(30);
    let run =
        |confinement: &Confinement, word: &str, arg: &str| podman.run(&args(word, arg), confinement).unwrap();

    let finished = run(&confinement, "sleep", "0");
    assert_eq!((finished.exit, stdout(&finished).as_str()), (Exit::Code(0), "did sleep\n"));
    let secret = stage.dir.path().join("secret");
    std::fs::write(&secret, "the signed log").unwrap();
    for (word, arg) in [
        ("read", secret.to_str().unwrap()),
        ("write", "/hostile"),
        ("mount", ""),
        ("raw", ""),
        ("list", "/work"),
    ] {
        let finished = run(&confinement, word, arg);
        assert_eq!(finished.exit, Exit::Code(3), "{word}: {}", stdout(&finished));
        assert!(stdout(&finished).starts_with("refused"), "{word}: {}", stdout(&finished));
    }
    // The same program reads the same file where the step declares it: the refusal above was the container's.
    let shown = Confinement { read_only: vec![secret.clone()], ..confinement.clone() };
    assert_eq!(stdout(&run(&shown, "read", secret.to_str().unwrap())), "did the signed log\n");

    let mut short = confinement.clone();
    short.limits.wall = Duration::from_secs(1);
    assert_eq!(run(&short, "sleep", "60").exit, Exit::WallClock);
    let mut quiet = confinement.clone();
    quiet.limits.output_bytes = 100_000;
    let finished = run(&quiet, "output", "10000000");
    assert_eq!((finished.exit, finished.stdout.len() + finished.stderr.len()), (Exit::OutputCap, 100_000));
    assert_eq!(stage.containers(), "");
}

#[test]
fn what_cannot_be_held_or_started_is_said() {
    let stage = stage();
    let podman = Podman::new(stage.podman.clone(), stage.image.clone()).unwrap();
    let confinement = Confinement::new(Profile::Strict);
    let nothing = podman.run(&["/absent".to_owned()], &confinement).unwrap_err();
    assert!(matches!(&nothing, LaunchError::Launcher { at, .. } if at == "podman"), "{nothing}");
    let landlock = Confinement { demands: vec![Feature::Landlock], ..confinement.clone() };
    let refused = podman.run(&args("sleep", "0"), &landlock).unwrap_err();
    assert!(matches!(refused, LaunchError::Misuse(Misuse::ContainerCannot { .. })), "{refused}");
    // A limit that this machine cannot hold is told with the end, and refused where it is demanded.
    let finished = podman.run(&args("sleep", "0"), &confinement).unwrap();
    for (feature, absence) in finished.missing {
        assert_eq!(absence, Absence::NotDelegated);
        let demanding = Confinement { demands: vec![feature], ..confinement.clone() };
        let refused = podman.run(&args("sleep", "0"), &demanding).unwrap_err();
        assert!(matches!(refused, LaunchError::Demanded { .. }), "{refused}");
    }
    let other =
        Podman::new(stage.podman.clone(), format!("localhost/other@sha256:{}", "0".repeat(64))).unwrap();
    assert!(other.run(&args("sleep", "0"), &confinement).is_err());
    assert!(Podman::new("/absent/podman".into(), stage.image.clone()).is_err());
}
