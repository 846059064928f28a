use std::io::{Read, Write};

use super::*;

fn to(host: &str, port: u16) -> Destination {
    Destination { host: host.to_owned(), port }
}

/// Sends `request` to a proxy with this list, and reads until it hangs up.
fn asked(allowed: Vec<Destination>, request: &[u8]) -> (String, Vec<Connection>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let proxy = Proxy::start(listener.into(), allowed).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request).unwrap();
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    (String::from_utf8_lossy(&answer).into_owned(), proxy.stop())
}

#[test]
fn only_a_request_of_the_right_form_is_read() {
    let parse = |text: &str| request::parse(text.as_bytes());
    assert_eq!(parse("CONNECT a.example:443 HTTP/1.1\r\nHost: x"), Some(to("a.example", 443)));
    assert_eq!(parse("CONNECT A.Example:443 HTTP/1.1"), Some(to("a.example", 443)));
    assert_eq!(parse("CONNECT [2606:4700:0::1]:443 HTTP/1.1"), Some(to("2606:4700::1", 443)));
    for wrong in [
        "",
        "GET http://a.example/ HTTP/1.1",
        "connect a.example:443 HTTP/1.1",
        "CONNECT a.example HTTP/1.1",
        "CONNECT a.example:0 HTTP/1.1",
        "CONNECT a.example:+44 HTTP/1.1",
        "CONNECT a.example:65536 HTTP/1.1",
        "CONNECT :443 HTTP/1.1",
        "CONNECT a example:443 HTTP/1.1",
        "CONNECT a.example:443",
        "CONNECT a.example:443 SMTP",
        "CONNECT 2606:4700::1:443 HTTP/1.1",
        "CONNECT [a.example]:443 HTTP/1.1",
        "CONNECT [1.1.1.1]:443 HTTP/1.1",
        "CONNECT a\u{1b}[31m.example:443 HTTP/1.1",
        "CONNECT user@a.example:443 HTTP/1.1",
    ] {
        assert_eq!(parse(wrong), None, "{wrong:?}");
    }
    assert_eq!(parse(&format!("CONNECT {}:443 HTTP/1.1", "a".repeat(254))), None);
}

#[test]
fn a_declared_address_is_connected_and_its_bytes_are_counted() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let serving = thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        stream.write_all(format!("heard {said}").as_bytes()).unwrap();
        said
    });
    let request = format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: x\r\n\r\nhello");
    let (answer, told) = asked(vec![to("127.0.0.1", port)], request.as_bytes());
    assert_eq!(serving.join().unwrap(), "hello");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("heard hello"), "{answer}");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].to, Some(to("127.0.0.1", port)));
    let Verdict::Opened { sent: 5, received: 11, address, .. } = told[0].verdict else {
        panic!("{told:?}");
    };
    assert_eq!(address.port(), port);
}

#[test]
fn what_is_not_declared_is_refused_and_told() {
    let list = vec![to("a.example", 443)];
    for (request, asked_for, why, status) in [
        ("CONNECT b.example:443 HTTP/1.1\r\n\r\n", Some(to("b.example", 443)), Refusal::NotDeclared, "403"),
        ("CONNECT a.example:80 HTTP/1.1\r\n\r\n", Some(to("a.example", 80)), Refusal::NotDeclared, "403"),
        (
            "CONNECT x.a.example:443 HTTP/1.1\r\n\r\n",
            Some(to("x.a.example", 443)),
            Refusal::NotDeclared,
            "403",
        ),
        ("CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n", Some(to("127.0.0.1", 22)), Refusal::NotDeclared, "403"),
        ("GET http://a.example/ HTTP/1.1\r\n\r\n", None, Refusal::Malformed, "400"),
        ("CONNECT a.exa", None, Refusal::Malformed, "400"),
    ] {
        let (answer, told) = asked(list.clone(), request.as_bytes());
        assert!(answer.contains(status), "{request:?}: {answer}");
        assert_eq!(told, [Connection { to: asked_for, verdict: Verdict::Refused(why) }]);
    }
}

#[test]
fn a_name_that_leads_to_this_machine_is_refused_though_it_is_declared() {
    let (answer, told) = asked(vec![to("localhost", 22)], b"CONNECT localhost:22 HTTP/1.1\r\n\r\n");
    assert!(answer.contains("403 Not a public"), "{answer}");
    assert_eq!(told[0].verdict, Verdict::Refused(Refusal::NotPublic));
}

#[test]
fn a_request_without_an_end_is_refused() {
    let long = format!("CONNECT a.example:443 HTTP/1.1\r\nX: {}", "x".repeat(9000));
    let (_, told) = asked(vec![to("a.example", 443)], long.as_bytes());
    assert_eq!(told[0].verdict, Verdict::Refused(Refusal::TooLong));
}
