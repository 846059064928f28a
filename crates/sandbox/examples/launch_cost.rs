//! What confinement costs: `/bin/true` started plainly, by us under each profile, and by bubblewrap where it is installed, in turn, so that what else the
//! machine does meets them all alike.
//!
//! Between two starts it waits: the kernel takes a network down after its last process is gone, and until then nobody can make another one, so that
//! without a pause each start would pay for the one before. `back-to-back` shows that too: it leaves the pause out.
//!
//!     launch_cost [runs] [back-to-back]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sandbox::{Confinement, Destination, Exit, Launcher, Network, Profile, Program};

const BWRAP: [&str; 19] = [
    "--ro-bind",
    "/usr",
    "/usr",
    "--symlink",
    "usr/bin",
    "/bin",
    "--symlink",
    "usr/lib",
    "/lib",
    "--symlink",
    "usr/lib64",
    "/lib64",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "--unshare-all",
    "--die-with-parent",
    "--new-session",
];

fn main() {
    sandbox::launcher_main();
    let pause = Duration::from_millis(if std::env::args().nth(2).is_some() { 0 } else { 60 });
    let runs: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(300);
    let program_path = Path::new("/bin/true").canonicalize().unwrap_or_else(|_| "/bin/true".into());
    let launcher = Launcher::this_program().unwrap_or_else(|e| fail(&e));
    let program = Program::unpinned(&program_path, Vec::new()).unwrap_or_else(|e| fail(&e));
    let mut proxied = Confinement::new(Profile::StandardNet);
    proxied.network = Network::Proxy(vec![Destination { host: "backup.example".to_owned(), port: 443 }]);
    let confinements = [
        ("ours, strict", Confinement::new(Profile::Strict)),
        ("ours, standard", Confinement::new(Profile::Standard)),
        ("ours, standard-net with its proxy", proxied),
    ];
    let bwrap = Command::new("bwrap").arg("--version").stdout(Stdio::null()).status().is_ok();
    let mut rows: Vec<(&str, Vec<Duration>)> = vec![("plain spawn", Vec::new())];
    rows.extend(confinements.iter().map(|(name, _)| (*name, Vec::new())));
    rows.push(("bubblewrap", Vec::new()));
    for _ in 0..runs {
        for (index, (_, times)) in rows.iter_mut().enumerate() {
            std::thread::sleep(pause);
            let began = Instant::now();
            match index.checked_sub(1).map(|index| confinements.get(index)) {
                None => plain(Command::new(&program_path)),
                Some(Some((_, confinement))) => {
                    let finished = launcher.run(&program, confinement).unwrap_or_else(|e| fail(&e));
                    assert_eq!(finished.exit, Exit::Code(0), "{}", String::from_utf8_lossy(&finished.stderr));
                }
                Some(None) if bwrap => {
                    let mut command = Command::new("bwrap");
                    command.args(BWRAP).arg(&program_path);
                    plain(command);
                }
                Some(None) => continue,
            }
            times.push(began.elapsed());
        }
    }
    for line in launcher.features().lines().filter(|line| line.contains("unavailable")) {
        println!("{line}");
    }
    let base = (percentile(&rows[0].1, 50), percentile(&rows[0].1, 95));
    for (name, times) in &rows {
        if times.is_empty() {
            println!("{name:<34} not run: it is not installed");
            continue;
        }
        let (p50, p95) = (percentile(times, 50), percentile(times, 95));
        println!(
            "{name:<34} p50 {:>6.2} ms   p95 {:>6.2} ms   over plain: {:>6.2} and {:>6.2} ms   ({} runs)",
            ms(p50),
            ms(p95),
            ms(p50) - ms(base.0),
            ms(p95) - ms(base.1),
            times.len()
        );
    }
}

/// Waits for a plain child, with pipes as ours has them.
fn plain(mut command: Command) {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|e| fail(&e));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn percentile(times: &[Duration], p: usize) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get((times.len() * p).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn fail(why: &dyn std::error::Error) -> ! {
    eprintln!("launch_cost: {why}: {:?}", why.source().map(ToString::to_string));
    std::process::exit(1)
}
