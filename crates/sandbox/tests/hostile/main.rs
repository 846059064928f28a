//! A program that tries to get out, one way for each word; and a harmless and a panicking one beside them. It is also the launcher of the tests.
//!
//! An attack that works says `did` and ends with 0; one that the kernel refuses says why and ends with 3.
#![allow(unsafe_code, reason = "an attacker does not use safe wrappers only")]

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, exit};
use std::thread::sleep;
use std::time::Duration;

fn main() {
    sandbox::launcher_main();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let word = args.first().map_or("", String::as_str);
    let arg = args.get(1).map_or("", String::as_str);
    if word == "outer" {
        outer(&args);
    }
    match attack(word, arg) {
        Ok(said) => println!("did {said}"),
        Err(e) => {
            println!("refused {e}");
            exit(3);
        }
    }
}

fn attack(word: &str, arg: &str) -> io::Result<String> {
    match word {
        "harmless" => harmless(arg),
        "panic" => panic!("as a program may"),
        "sleep" => {
            sleep(Duration::from_secs(number(arg)?));
            Ok("sleep".to_owned())
        }
        "spin" => {
            println!("{} turns", spin(number(arg)?));
            Ok("spin".to_owned())
        }
        "count" => count(arg),
        "ptrace" => ptrace(arg),
        "mount" => mount(arg),
        "setns" => setns(arg),
        "unshare" => unshare(),
        "raw" => raw(),
        "write" => fs::write(arg, "out").map(|()| "write".to_owned()),
        "read" => fs::read_to_string(arg),
        "list" => {
            let names =
                fs::read_dir(arg)?.map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()));
            Ok(names.collect::<io::Result<Vec<_>>>()?.join(" "))
        }
        "sysctl" => fs::read_to_string(arg).and_then(|old| fs::write(arg, old)).map(|()| "sysctl".to_owned()),
        "forkbomb" => Ok(fork_bomb(number(arg)?).to_string()),
        "memory" => Ok(memory(number(arg)?).to_string()),
        "shm" => fill(arg),
        "output" => output(number(arg)?),
        "stubborn" => stubborn(arg),
        "escape" => escape(arg),
        "exec" => Command::new("/bin/true").status().map(|status| status.to_string()),
        // Without a fork: only Landlock says which program may be started.
        "become" => Err(Command::new("/bin/true").exec()),
        "memfd" => memfd(),
        "tcp" => TcpStream::connect(arg).map(|_| "connected".to_owned()),
        "unix" => UnixStream::connect(arg).map(|_| "connected".to_owned()),
        "fetch" => fetch(arg),
        "sigsys" => sigsys(),
        "bystander" => bystander(arg),
        _ => Err(io::Error::other("no such word")),
    }
}

/// Starts a step of its own and waits for it, so that a test can kill the one who waits.
fn outer(args: &[String]) -> ! {
    let (Some(file), Some(writable), Some(token)) = (args.get(1), args.get(2), args.get(3)) else { exit(2) };
    let us = std::env::current_exe().and_then(|path| path.canonicalize()).unwrap_or_default();
    let args = vec!["count".to_owned(), file.clone(), token.clone()];
    let mut confinement = sandbox::Confinement::new(sandbox::Profile::Standard);
    confinement.writable = vec![writable.into()];
    let ran = sandbox::Program::unpinned(&us, args)
        .map(|program| sandbox::Launcher::at(us).run(&program, &confinement));
    println!("{ran:?}");
    exit(1)
}

fn number(text: &str) -> io::Result<u64> {
    text.parse().map_err(io::Error::other)
}

fn answer(result: i64) -> io::Result<i64> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn fork() -> io::Result<bool> {
    // SAFETY: this program has one thread.
    answer(i64::from(unsafe { libc::fork() })).map(|pid| pid == 0)
}

/// What the step can see of itself: its input, arguments, environment, descriptors, and `/proc/self/status`.
fn harmless(arg: &str) -> io::Result<String> {
    let mut input = String::new();
    io::stdin().read_to_string(&mut input)?;
    println!("stdin={input}");
    println!("arg={arg}");
    let mut environment: Vec<_> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
    environment.sort();
    println!("environment={}", environment.join(","));
    let fds = fs::read_dir("/proc/self/fd")?.map(|fd| Ok(fd?.file_name().into_string().unwrap_or_default()));
    let mut fds = fds.collect::<io::Result<Vec<_>>>()?;
    fds.sort();
    println!("descriptors={}", fds.join(","));
    println!("exe={}", fs::read_link("/proc/self/exe")?.display());
    print!("{}", fs::read_to_string("/proc/self/status")?);
    eprintln!("to the other output");
    Ok("no harm".to_owned())
}

/// Takes all of a processor for so many seconds.
fn spin(seconds: u64) -> u64 {
    let began = std::time::Instant::now();
    let mut turns = 0u64;
    while began.elapsed() < Duration::from_secs(seconds) {
        turns = turns.wrapping_add(1);
    }
    turns
}

/// Writes a byte every ten milliseconds.
fn count(path: &str) -> io::Result<String> {
    let mut file = File::create(path)?;
    loop {
        file.write_all(b".")?;
        sleep(Duration::from_millis(10));
    }
}

fn ptrace(pid: &str) -> io::Result<String> {
    let pid = i32::try_from(number(pid)?).map_err(io::Error::other)?;
    // SAFETY: attaching reads and writes no memory of ours.
    let result = unsafe { libc::ptrace(libc::PTRACE_ATTACH, pid, 0, 0) };
    answer(result).map(|_| "ptrace".to_owned())
}

fn mount(at: &str) -> io::Result<String> {
    rustix::mount::mount("tmpfs", at, "tmpfs", rustix::mount::MountFlags::empty(), None)?;
    Ok("mount".to_owned())
}

fn setns(path: &str) -> io::Result<String> {
    let namespace = File::open(path)?;
    rustix::thread::move_into_link_name_space(namespace.as_fd(), None)?;
    Ok("setns".to_owned())
}

fn unshare() -> io::Result<String> {
    // SAFETY: no descriptor table is unshared.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWUSER) }?;
    Ok("unshare".to_owned())
}

fn raw() -> io::Result<String> {
    use rustix::net::{AddressFamily, SocketType, ipproto, socket};
    socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP))?;
    Ok("raw".to_owned())
}

/// Forks until it may not, at most `count` times, and says how often it could. The children sleep until they are killed, or for two seconds.
fn fork_bomb(count: u64) -> u64 {
    let mut made = 0;
    while made < count {
        match fork() {
            Ok(true) => {
                sleep(Duration::from_secs(2));
                exit(0);
            }
            Ok(false) => made += 1,
            Err(_) => break,
        }
    }
    made
}

/// Takes and touches memory until it may not, at most `mib`, and says how much.
fn memory(mib: u64) -> u64 {
    let mut held: Vec<Vec<u8>> = Vec::new();
    for taken in 0..mib {
        let mut more = Vec::new();
        if more.try_reserve_exact(1 << 20).is_err() {
            return taken;
        }
        more.resize(1 << 20, 1);
        held.push(more);
    }
    mib
}

/// Fills a file until it may not, at most 512 MiB, and says how much it wrote.
fn fill(path: &str) -> io::Result<String> {
    let mut file = File::create(path)?;
    let chunk = vec![1; 1 << 20];
    let written = (0..512).take_while(|_| file.write_all(&chunk).is_ok()).count();
    Ok(written.to_string())
}

fn output(bytes: u64) -> io::Result<String> {
    let chunk = vec![b'x'; 1 << 16];
    let mut out = io::stdout().lock();
    for _ in 0..bytes >> 16 {
        out.write_all(&chunk)?;
    }
    Ok("output".to_owned())
}

fn stubborn(path: &str) -> io::Result<String> {
    // SAFETY: SIG_IGN runs no code of ours.
    unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
    fs::write(path, "ignoring")?;
    sleep(Duration::from_secs(60));
    Ok("stubborn".to_owned())
}

/// The daemon's trick: a grandchild in a session of its own, whose parents are gone, writes after the step is over.
fn escape(path: &str) -> io::Result<String> {
    if !fork()? {
        return Ok("escape".to_owned());
    }
    rustix::process::setsid()?;
    if fork()? {
        sleep(Duration::from_millis(700));
        fs::write(path, "after the end")?;
        sleep(Duration::from_secs(2));
    }
    exit(0)
}

/// Starts a program that no path leads to.
fn memfd() -> io::Result<String> {
    use std::os::fd::AsRawFd;
    let memory = rustix::fs::memfd_create("program", rustix::fs::MemfdFlags::empty())?;
    let mut file = File::from(memory);
    file.write_all(&fs::read("/bin/true")?)?;
    let status = Command::new(format!("/proc/self/fd/{}", file.as_raw_fd())).status()?;
    Ok(status.to_string())
}

/// Asks the proxy of the environment for a way to `host:port`, sends a word and gives back what comes.
fn fetch(to: &str) -> io::Result<String> {
    let proxy = std::env::var("HTTPS_PROXY").map_err(io::Error::other)?;
    let mut stream = TcpStream::connect(proxy.trim_start_matches("http://"))?;
    stream.write_all(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\nping").as_bytes())?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Starts a program that does not belong to this tree, if it can be reached at all, by the descriptor table of the first process.
fn bystander(arg: &str) -> io::Result<String> {
    let fds = fs::read_dir(format!("/proc/{arg}/fd"))?.count();
    fs::read_link(format!("/proc/{arg}/fd/0")).map(|link| format!("{fds} {}", link.display()))
}

fn sigsys() -> io::Result<String> {
    // SAFETY: reboot with wrong magic numbers reboots nothing anywhere.
    answer(unsafe { libc::syscall(libc::SYS_reboot, 0, 0, 0, 0) }).map(|_| "reboot".to_owned())
}
