//! `suture login` and `suture join` at a terminal: the password reaches the hub and nobody who looks on.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use contract::people::Login;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

const PASSWORD: &str = "a password that nobody sees";
const OPENED: &str = r#"{"session":"suture-s-1","csrf":"c","until":"2027-01-01T00:00:00.000Z"}"#;

/// A terminal with a command at it.
struct Terminal {
    ours: File,
    theirs: OwnedFd,
    child: Child,
    shown: String,
}

impl Terminal {
    fn with(arguments: &[&str], token_file: &Path) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = openpt(flags).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let theirs = ioctl_tiocgptpeer(&ours, flags).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_suture"));
        command.args(arguments).arg("--token-file").arg(token_file);
        command.stdin(theirs.try_clone().unwrap()).stderr(theirs.try_clone().unwrap()).stdout(Stdio::null());
        let child = command.spawn().unwrap();
        Self { ours: ours.into(), theirs, child, shown: String::new() }
    }

    /// Waits for a question, and looks whether what is typed would show.
    fn asked(&mut self, question: &str) {
        let mut buffer = [0; 256];
        while !self.shown.contains(question) {
            let n = self.ours.read(&mut buffer).unwrap();
            self.shown.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
        }
        assert!(!self.shows(), "the terminal shows what is typed");
    }

    fn shows(&self) -> bool {
        tcgetattr(&self.theirs).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    fn typed(&mut self, line: &str) {
        self.ours.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// The exit status, and all that was shown.
    fn ended(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap().code();
        assert!(self.shows(), "the terminal was left without what is typed");
        drop(self.theirs);
        // It ends with an error once nobody is at the other side.
        let mut rest = Vec::new();
        let _ = self.ours.read_to_end(&mut rest);
        self.shown.push_str(&String::from_utf8_lossy(&rest));
        (status, self.shown)
    }
}

/// A hub that lets in whoever asks, once, and says what it was sent.
fn hub() -> (SocketAddr, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut received, mut buffer) = (String::new(), [0; 4096]);
        while !received.ends_with('}') {
            let n = stream.read(&mut buffer).unwrap();
            assert!(n > 0, "cut off after {received}");
            received.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
        }
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", OPENED.len());
        stream.write_all((head + OPENED).as_bytes()).unwrap();
        received
    });
    (address, answering)
}

#[test]
fn a_password_that_is_typed_reaches_the_hub_and_does_not_show() {
    let directory = tempfile::tempdir().unwrap();
    let token_file = directory.path().join("token");
    let (address, heard) = hub();
    let mut terminal =
        Terminal::with(&["login", "--hub", &format!("http://{address}"), "--person", "ada"], &token_file);
    terminal.asked("does not show: ");
    terminal.typed(PASSWORD);
    let (status, shown) = terminal.ended();
    assert_eq!(status, Some(0), "{shown}");
    assert!(!shown.contains(PASSWORD), "{shown}");
    let heard = heard.join().unwrap();
    let asked: Login = serde_json::from_str(&heard[heard.find('{').unwrap()..]).unwrap();
    assert_eq!((asked.person.as_str(), asked.password.as_str()), ("ada", PASSWORD));
    assert_eq!(std::fs::read_to_string(token_file).unwrap(), "suture-s-1");
}

#[test]
fn a_password_that_is_chosen_is_asked_for_twice_and_two_that_differ_use_no_invitation_up() {
    let directory = tempfile::tempdir().unwrap();
    let token_file = directory.path().join("token");
    for (second, status) in [("another one", 2), (PASSWORD, 0)] {
        let (address, heard) = hub();
        let link = format!("http://{address}/join#suture-i-1");
        let mut terminal = Terminal::with(&["join", "--link", &link, "--person", "ada"], &token_file);
        terminal.asked("does not show: ");
        terminal.typed(PASSWORD);
        terminal.asked("the same again, which does not show: ");
        terminal.typed(second);
        let (ended, shown) = terminal.ended();
        assert_eq!(ended, Some(status), "{shown}");
        assert!(!shown.contains(PASSWORD) && !shown.contains("another one"), "{shown}");
        if status == 0 {
            assert!(heard.join().unwrap().contains("suture-i-1"));
        } else {
            assert!(!heard.is_finished(), "an invitation was sent with a password that was mistyped");
        }
        assert_eq!(token_file.exists(), status == 0);
    }
}

#[test]
fn whoever_interrupts_the_question_has_the_terminal_back() {
    let directory = tempfile::tempdir().unwrap();
    let (address, _heard) = hub();
    let hub = format!("http://{address}");
    let mut terminal =
        Terminal::with(&["login", "--hub", &hub, "--person", "ada"], &directory.path().join("token"));
    terminal.asked("does not show: ");
    kill_process(Pid::from_child(&terminal.child), Signal::INT).unwrap();
    let (status, shown) = terminal.ended();
    assert_eq!(status, Some(130), "{shown}");
}
