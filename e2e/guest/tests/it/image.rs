//! Only a whole build is an image. The builder is a stand-in here: what it makes is one file.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use guest::Image;

const BUILD: &str = "SUTURE_GUEST_TEST_BUILDS";

/// Builds with a stand-in for mmdebstrap that does as `script` says with the directory to fill as `$to`.
fn build(dir: &Path, script: &str) -> Output {
    let program = dir.join("mmdebstrap");
    let find =
        r#"for word; do case $word in */build) to=$word ;; esac; done; mkdir -p "$to/etc"; echo called; "#;
    fs::write(&program, format!("#!/bin/sh\n{find}{script}\n")).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", dir.display(), std::env::var("PATH").unwrap());
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "image::only_a_whole_build_is_an_image", "--nocapture"])
        .envs([("PATH", path.as_str()), (BUILD, "1")])
        .env("SUTURE_GUEST_CACHE", dir.join("cache"))
        .output()
        .unwrap()
}

/// The root directories in the cache.
fn roots(dir: &Path) -> Vec<PathBuf> {
    let images = fs::read_dir(dir.join("cache")).unwrap().flatten();
    images.map(|image| image.path().join("root")).filter(|root| root.exists()).collect()
}

#[test]
fn only_a_whole_build_is_an_image() {
    if !guest::runnable() {
        return;
    }
    if std::env::var_os(BUILD).is_some() {
        // The one that builds.
        Image::ready();
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let failed = build(dir.path(), r#"echo half >"$to/etc/half"; echo 'no network' >&2; exit 25"#);
    let words = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(!failed.status.success() && words.contains("no network"), "{words}");
    assert_eq!(roots(dir.path()), Vec::<PathBuf>::new());

    let whole = build(dir.path(), r#"echo whole >"$to/etc/whole""#);
    assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
    let [root] = &roots(dir.path())[..] else { panic!("no image") };
    assert!(root.join("etc/whole").exists() && !root.join("etc/half").exists());

    // And once only.
    let again = build(dir.path(), "exit 25");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
}
