//! A hostile peer on the socket changes nothing, is written down, and keeps nobody out who behaves.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use contract::frame;
use contract::outcome::Outcome;
use contract::record::{Body, Intruded, Intrusion, Kind};
use contract::socket::{Answer, PROTOCOL, Question};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::rig::{BEGINNING, HEALED, Rig, Running, ask};

/// `nobody` on every Linux.
const NOBODY: u32 = 65534;

/// An intrusion as it stands in the log.
fn intruded(what: Intrusion, count: u64, uid: Option<u32>) -> Intruded {
    Intruded { what, count, uid }
}

/// What the log holds beyond its beginning is these intrusions, and then one healed run: somebody honest was served.
fn check(rig: &Rig, mut running: Running, expected: &[Intruded]) {
    rig.loosen();
    let answer = rig.send(&mut rig.agent(), &rig.own_order(1));
    assert_eq!(answer.outcome, Outcome::Healed, "the executor does not work any more: {answer:?}");
    assert!(running.stop().success());
    let records = rig.records();
    let (intrusions, rest): (Vec<_>, Vec<_>) =
        records[BEGINNING..].iter().partition(|r| r.body.kind() == Kind::Intruded);
    let intrusions: Vec<_> = intrusions
        .into_iter()
        .map(|record| match &record.body {
            Body::Intruded(intruded) => intruded.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(intrusions, expected);
    assert_eq!(rest.iter().map(|r| r.body.kind()).collect::<Vec<_>>(), HEALED, "something else was written");
}

/// The executor's memory, in KiB.
fn resident_kib(running: &Running) -> i64 {
    let status = fs::read_to_string(format!("/proc/{}/status", running.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What the allocator may keep of frames: as many as there are connections, each of the longest kind and read into a text as long.
/// A frame kept for each that nonsense is sent in would be more than twice that.
const KEPT_MAX_KIB: i64 = 4 * 2 * 4096;

/// Runs `attack`; the memory must be about what it was.
fn with_steady_memory(running: &Running, attack: impl FnOnce()) {
    let before = resident_kib(running);
    attack();
    let grown = resident_kib(running) - before;
    println!("{before} KiB before, {grown} KiB more after");
    assert!(grown < KEPT_MAX_KIB, "{grown} KiB more than before");
}

fn is_closed(stream: &mut UnixStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    match stream.read(&mut [0]) {
        Ok(n) => n == 0,
        Err(e) => e.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn another_users_connections_are_refused_by_the_kernels_word_and_written_down_once() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root can be somebody else");
        return;
    }
    let rig = Rig::new();
    let running = rig.start();
    // As if the files' modes had been lost: only who connects is left to go by.
    for (name, mode) in [("", 0o755), ("run", 0o755), ("run/s", 0o666)] {
        fs::set_permissions(rig.path(name), Permissions::from_mode(mode)).unwrap();
    }
    with_steady_memory(&running, || {
        let socket = rig.path("run/s");
        let strangers = std::thread::spawn(move || {
            rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(NOBODY)).unwrap();
            for _ in 0..200 {
                let mut stream = UnixStream::connect(&socket).unwrap();
                let hello = Question::Hello { protocol: PROTOCOL, software: "stranger".into() };
                let _ = frame::write(&mut stream, &hello);
                assert!(is_closed(&mut stream), "the executor spoke to a stranger");
            }
        });
        strangers.join().unwrap();
    });
    check(&rig, running, &[intruded(Intrusion::WrongUser, 1, Some(NOBODY))]);
}

#[test]
fn a_length_beyond_any_is_refused_from_the_length_alone() {
    let rig = Rig::new();
    let running = rig.start();
    with_steady_memory(&running, || {
        for length in [u32::MAX, (4 << 20) + 1, 1 << 31] {
            for hello in [false, true] {
                let mut stream = if hello { rig.agent() } else { rig.connect() };
                stream.write_all(&length.to_be_bytes()).unwrap();
                assert!(is_closed(&mut stream));
            }
        }
    });
    check(&rig, running, &[intruded(Intrusion::Oversize, 1, None)]);
}

#[test]
fn nonsense_of_any_length_is_closed_and_its_words_are_not_repeated() {
    let rig = Rig::new();
    let mut running = rig.start();
    let words = "x".repeat(3 << 20);
    let long = format!("{{\"{words}\": 1}}");
    let deep = "[".repeat(1 << 20);
    let nonsense: [&[u8]; 5] = [b"{", b"\xff\xfe", b"null", long.as_bytes(), deep.as_bytes()];
    let round = || {
        for bytes in nonsense {
            for hello in [false, true] {
                let mut stream = if hello { rig.agent() } else { rig.connect() };
                stream.write_all(&u32::try_from(bytes.len()).unwrap().to_be_bytes()).unwrap();
                let _ = stream.write_all(bytes);
                assert!(is_closed(&mut stream));
            }
        }
    };
    // The allocator keeps what a few long frames took, once for each thread's arena.
    for _ in 0..3 {
        round();
    }
    with_steady_memory(&running, || {
        for _ in 0..20 {
            round();
        }
    });
    let mut stderr = running.child.stderr.take().unwrap();
    check(&rig, running, &[intruded(Intrusion::NotUnderstood, 1, None)]);
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    assert!(
        said.len() < 4096 && said.contains("not understood"),
        "{} bytes were said: {said:.500}",
        said.len()
    );
}

#[test]
fn what_is_not_said_within_ten_seconds_is_not_waited_for_and_an_honest_agent_may_be_silent() {
    let rig = Rig::new();
    let running = rig.start();
    let mut silent = rig.agent();
    let began = Instant::now();
    let closed_after = |mut stream: UnixStream, drip: bool| {
        std::thread::spawn(move || {
            stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
            while began.elapsed() < Duration::from_secs(20) {
                // A byte a second.
                if drip && stream.write_all(b" ").is_err() {
                    break;
                }
                match stream.read(&mut [0]) {
                    Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                    Ok(0) | Err(_) => break,
                    Ok(_) => panic!("half a question was answered"),
                }
            }
            began.elapsed()
        })
    };
    with_steady_memory(&running, || {
        let mute = closed_after(rig.connect(), false);
        let mut partial = rig.agent();
        partial.write_all(&[0, 0, 0, 100, b'{']).unwrap();
        let partial = closed_after(partial, false);
        let mut drip = rig.agent();
        drip.write_all(&[0, 0, 3, 232]).unwrap();
        let drip = closed_after(drip, true);
        for (name, after) in [("mute", mute), ("partial", partial), ("drip", drip)] {
            let after = after.join().unwrap();
            println!("{name}: closed after {after:?}");
            assert!((9..13).contains(&after.as_secs()), "{name}: closed after {after:?}");
        }
    });
    assert!(
        matches!(ask(&mut silent, &Question::Entries { from: 0 }), Answer::Entries(_)),
        "silence was punished"
    );
    check(&rig, running, &[intruded(Intrusion::Slow, 1, None)]);
}

#[test]
fn a_frame_that_ends_with_its_peer_is_nothing_but_written_down() {
    let rig = Rig::new();
    let running = rig.start();
    for bytes in [&[0][..], &[0, 0, 0, 9, b'{', b'}']] {
        rig.connect().write_all(bytes).unwrap();
        rig.agent().write_all(bytes).unwrap();
    }
    // Their threads end when they get to it.
    std::thread::sleep(Duration::from_millis(500));
    check(&rig, running, &[intruded(Intrusion::Slow, 1, None)]);
}

#[test]
fn a_thousand_connections_keep_no_honest_agent_waiting_and_lock_none_out_for_longer_than_ten_seconds() {
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files }).unwrap();
    let rig = Rig::new();
    let running = rig.start();
    let mut agent = rig.agent();
    with_steady_memory(&running, || {
        let over = AtomicBool::new(false);
        let (asked, longest) = std::thread::scope(|scope| {
            let honest = scope.spawn(|| {
                let (mut asked, mut longest) = (0, Duration::ZERO);
                while !over.load(Ordering::SeqCst) {
                    let began = Instant::now();
                    assert!(matches!(ask(&mut agent, &Question::Entries { from: 0 }), Answer::Entries(_)));
                    longest = longest.max(began.elapsed());
                    asked += 1;
                }
                (asked, longest)
            });
            // All held open, as long as the executor lets them be.
            let flood: Vec<UnixStream> = (0..1000).map(|_| rig.connect()).collect();
            let began = Instant::now();
            loop {
                let mut stream = rig.connect();
                let hello = Question::Hello { protocol: PROTOCOL, software: "test".into() };
                if frame::write(&mut stream, &hello).is_ok() && frame::read::<Answer>(&mut stream).is_ok() {
                    break;
                }
                assert!(began.elapsed() < Duration::from_secs(15), "an agent that comes back is locked out");
                std::thread::sleep(Duration::from_millis(200));
            }
            println!("a second agent was let in after {:?}", began.elapsed());
            drop(flood);
            over.store(true, Ordering::SeqCst);
            honest.join().unwrap()
        });
        println!("{asked} honest questions were answered meanwhile, the slowest in {longest:?}");
        assert!(asked > 0 && longest < Duration::from_secs(2), "{asked} answers, the slowest in {longest:?}");
    });
    // That some were mute has its turn a minute later.
    check(&rig, running, &[intruded(Intrusion::Flood, 1, None)]);
}

#[test]
fn in_a_log_that_goes_on_nothing_is_written_before_somebody_honest_has_something_to_write() {
    let rig = Rig::new();
    assert!(rig.start().stop().success());
    let mut running = rig.start();
    for _ in 0..3 {
        let mut stream = rig.connect();
        stream.write_all(&[0xff; 4]).unwrap();
        assert!(is_closed(&mut stream));
    }
    let mut agent = rig.agent();
    let Answer::Entries(package) = ask(&mut agent, &Question::Entries { from: 0 }) else {
        panic!("no entries")
    };
    assert_eq!(package.entries.len(), BEGINNING, "written before the hub's copy was compared");
    assert_eq!(rig.send(&mut agent, &rig.own_order(1)).outcome, Outcome::Observed);
    assert!(matches!(ask(&mut agent, &Question::Entries { from: 0 }), Answer::Entries(_)));
    assert!(running.stop().success());
    let records = rig.records();
    let kinds: Vec<Kind> = records[BEGINNING..].iter().map(|r| r.body.kind()).collect();
    assert_eq!(kinds, [Kind::Refused, Kind::Intruded]);
    assert!(
        matches!(&records[BEGINNING + 1].body, Body::Intruded(i) if *i == intruded(Intrusion::Oversize, 3, None))
    );
}

#[test]
fn six_silent_strays_make_room_for_one_that_speaks() {
    let rig = Rig::new();
    let running = rig.start();
    let mut strays: Vec<UnixStream> = (0..6).map(|_| rig.agent()).collect();
    assert!(is_closed(&mut rig.connect()), "there was a seventh place");
    std::thread::sleep(Duration::from_secs(11));
    let mut agent = rig.agent();
    assert!(matches!(ask(&mut agent, &Question::Entries { from: 0 }), Answer::Entries(_)));
    let closed = |stray: &mut UnixStream| {
        stray.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        matches!(stray.read(&mut [0]), Ok(0))
    };
    assert_eq!(strays.iter_mut().map(closed).filter(|closed| *closed).count(), 1, "one makes room for one");
    drop(strays);
    // That one had to go has its turn a minute later.
    check(&rig, running, &[intruded(Intrusion::Flood, 1, None)]);
}
