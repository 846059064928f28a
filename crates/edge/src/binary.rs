//! The file that this process was started from, by its digest: what it says that it is.

use std::fs::File;
use std::io::Read as _;
use std::sync::OnceLock;

use contract::digest::{Digest, Hasher};

/// The kernel's word for the file that runs, also where another lies in its place by now.
const RUNNING: &str = "/proc/self/exe";

/// Its digest; none where it cannot be read. It is read once, piece by piece, when it is first asked for.
pub fn digest() -> Option<Digest> {
    static DIGEST: OnceLock<Option<Digest>> = OnceLock::new();
    *DIGEST.get_or_init(|| read().ok())
}

fn read() -> std::io::Result<Digest> {
    let mut file = File::open(RUNNING)?;
    let (mut hasher, mut piece) = (Hasher::default(), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hasher.digest()),
            read => hasher.update(&piece[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_the_digest_of_the_file_that_runs() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(super::digest(), Some(contract::digest::Digest::of(&bytes)));
    }
}
