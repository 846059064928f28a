use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use sandbox::{Confinement, Destination, Exit, Layer, Network, Profile, Refusal, Verdict};

use crate::stage::{Stage, stdout};

fn proxied(stage: &Stage, host: &str, port: u16) -> Confinement {
    let mut confinement = stage.confinement(Profile::StandardNet);
    confinement.network = Network::Proxy(vec![Destination { host: host.to_owned(), port }]);
    confinement
}

#[test]
fn a_declared_server_is_reached_and_the_connection_is_told() {
    let stage = Stage::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let serving = thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        stream.write_all(b"pong").unwrap();
        said
    });
    let finished = stage.run_in(&proxied(&stage, "127.0.0.1", port), "fetch", &format!("127.0.0.1:{port}"));
    let said = stdout(&finished);
    assert_eq!(finished.exit, Exit::Code(0), "{said}");
    assert!(said.contains("200") && said.trim_end().ends_with("pong"), "{said}");
    assert_eq!(serving.join().unwrap(), "ping");
    assert!(finished.confined_by.contains(&Layer::Proxy));
    let [connection] = finished.connections.as_slice() else { panic!("{:?}", finished.connections) };
    assert!(matches!(connection.verdict, Verdict::Opened { sent: 4, received: 4, .. }), "{connection:?}");
}

#[test]
fn another_server_is_refused_and_that_is_told_too() {
    let stage = Stage::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let port = server.local_addr().unwrap().port();
    let confinement = proxied(&stage, "backup.example", 443);
    for (to, why) in [
        (format!("127.0.0.1:{port}"), Refusal::NotDeclared),
        ("backup.example:80".to_owned(), Refusal::NotDeclared),
        ("169.254.169.254:80".to_owned(), Refusal::NotDeclared),
    ] {
        let finished = stage.run_in(&confinement, "fetch", &to);
        assert!(stdout(&finished).contains("403"), "{}", stdout(&finished));
        let [connection] = finished.connections.as_slice() else { panic!("{:?}", finished.connections) };
        assert_eq!(connection.verdict, Verdict::Refused(why), "{to}");
    }
    // Past the proxy there is nothing: not the server by its address, and no socket of another kind.
    let direct = stage.run_in(&confinement, "tcp", &format!("127.0.0.1:{port}"));
    assert_eq!(direct.exit, Exit::Code(3), "{}", stdout(&direct));
    let raw = stage.run_in(&confinement, "raw", "");
    assert_eq!(raw.exit, Exit::Code(3), "{}", stdout(&raw));
    assert!(server.accept().is_err(), "somebody came through");
}

#[test]
fn a_name_of_this_machine_is_refused_though_it_is_declared() {
    let stage = Stage::new();
    let finished = stage.run_in(&proxied(&stage, "localhost", 22), "fetch", "localhost:22");
    let [connection] = finished.connections.as_slice() else { panic!("{:?}", finished.connections) };
    assert_eq!(connection.verdict, Verdict::Refused(Refusal::NotPublic));
}
