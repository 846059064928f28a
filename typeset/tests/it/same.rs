//! The same sheet gives the same bytes: on any day, in any zone and language, with any number of threads.

use std::process::Command;

use super::sample;
use super::stage::{fed, json, run};

#[test]
fn neither_day_nor_place_nor_threads_are_in_the_file() {
    let input = json(&sample::month());
    let first = run(&input, &[("TZ", "UTC"), ("LANG", "C"), ("RAYON_NUM_THREADS", "1")]);
    assert!(first.status.success());
    let places: [&[(&str, &str)]; 3] = [
        &[
            ("TZ", "Asia/Kathmandu"),
            ("LANG", "tr_TR.UTF-8"),
            ("LC_ALL", "tr_TR.UTF-8"),
            ("SOURCE_DATE_EPOCH", "1"),
        ],
        &[
            ("TZ", "America/St_Johns"),
            ("LC_ALL", "ar_EG"),
            ("RAYON_NUM_THREADS", "7"),
            ("HOME", "/nonexistent"),
        ],
        &[
            ("TYPST_FONT_PATHS", "/usr/share/fonts"),
            ("TYPST_ROOT", "/"),
            ("XDG_DATA_HOME", "/tmp"),
            ("USER", "somebody"),
        ],
    ];
    for place in places {
        let again = run(&input, place);
        assert!(again.status.success() && again.stdout == first.stdout, "other bytes with {place:?}");
    }
}

#[test]
fn it_opens_no_file_and_no_socket() {
    let mut command = Command::new("strace");
    // Cargo names directories of libraries; what is installed has none.
    command.env_remove("LD_LIBRARY_PATH");
    command.args([
        "-f",
        "-e",
        "trace=open,openat,socket,connect,execve",
        "-o",
        "/dev/stderr",
        env!("CARGO_BIN_EXE_suture-typeset"),
    ]);
    let output = fed(command, &json(&sample::month()));
    assert!(output.status.success());
    let calls = String::from_utf8_lossy(&output.stderr);
    assert!(calls.contains("execve("), "{calls}");
    // The loader's libraries, and what the runtime asks of the kernel: how many processors there are, and where the stack is.
    let known = ["/etc/ld.so.cache", "/lib/", "/usr/lib/", "/proc/self/", "/sys/fs/cgroup"];
    for call in calls
        .lines()
        .filter(|call| call.contains("open") || call.contains("socket(") || call.contains("connect("))
    {
        let path = call.split('"').nth(1).unwrap_or(call);
        assert!(known.iter().any(|known| path.starts_with(known)), "{call}");
    }
}
