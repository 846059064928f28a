use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

/// A program that is certainly there: this test.
fn this() -> PathBuf {
    std::env::current_exe().unwrap().canonicalize().unwrap()
}

fn copied(dir: &Path, mode: u32) -> PathBuf {
    let path = dir.canonicalize().unwrap().join(format!("copy-{mode:o}"));
    std::fs::copy(this(), &path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn only_the_file_with_this_digest_opens() {
    let found = Program::unpinned(&this(), Vec::new()).unwrap();
    let expected: [u8; 32] = Sha256::digest(std::fs::read(this()).unwrap()).into();
    assert_eq!(found.digest(), expected);
    assert!(Program::open(&this(), Vec::new(), &expected).is_ok());
    let mut other = expected;
    other[31] ^= 1;
    assert!(matches!(Program::open(&this(), Vec::new(), &other), Err(ProgramError::OtherDigest { .. })));
}

#[test]
fn the_loader_is_read_from_the_file_and_nonsense_is_refused() {
    let loader = Program::unpinned(&this(), Vec::new()).unwrap().loader;
    assert!(loader.is_none_or(|path| path.exists()));
    let head = std::fs::read(this()).unwrap();
    let head = &head[..4096];
    assert!(super::loader(head).is_ok());
    for cut in [0, 5, 40, 70] {
        assert_eq!(super::loader(&head[..cut]), Err(()), "{cut}");
    }
    let mut far = head.to_vec();
    far[32..40].fill(0xff);
    assert_eq!(super::loader(&far), Err(()));
}

#[test]
fn what_others_could_change_and_what_is_no_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let open = |path: &Path| Program::unpinned(path, Vec::new()).map(|program| program.path);
    assert!(open(&copied(dir.path(), 0o755)).is_ok());
    assert!(matches!(open(&copied(dir.path(), 0o775)), Err(ProgramError::Writable { .. })));
    assert!(matches!(open(&copied(dir.path(), 0o757)), Err(ProgramError::Writable { .. })));
    assert!(matches!(open(&copied(dir.path(), 0o644)), Err(ProgramError::NotAProgram { .. })));
    assert!(matches!(open(dir.path()), Err(ProgramError::NotAProgram { .. })));
    assert!(matches!(open(Path::new("bin/true")), Err(ProgramError::NotCanonical { .. })));
    let link = dir.path().canonicalize().unwrap().join("link");
    symlink(this(), &link).unwrap();
    assert!(matches!(open(&link), Err(ProgramError::NotCanonical { .. })));
    let script = dir.path().canonicalize().unwrap().join("script");
    std::fs::write(&script, "#!/bin/sh\ntrue\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(open(&script), Err(ProgramError::Script { .. })));
}
