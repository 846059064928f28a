//! RFC 3161 timestamps over the log of heads, by an authority made of openssl.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contract::plane::EvidenceTaken;
use hub::config::Outside;

use crate::authority::Authority;
use crate::outside::{quick, until};
use crate::stage::{Stage, parsed};

/// How the authority behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Fine,
    OtherBytes,
    OtherNonce,
    Refuses,
    Garbage,
    WrongType,
    HangsUp,
}

struct Server {
    address: String,
    manner: Arc<Mutex<Manner>>,
    asked: Arc<AtomicU32>,
    authority: Arc<Authority>,
}

impl Server {
    fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap().to_string(),
            manner: Arc::new(Mutex::new(manner)),
            asked: Arc::default(),
            authority: Arc::new(Authority::new()),
        };
        let (manner, asked, authority) =
            (Arc::clone(&server.manner), Arc::clone(&server.asked), Arc::clone(&server.authority));
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let manner = *manner.lock().unwrap();
                serve(stream.unwrap(), manner, &authority);
                asked.fetch_add(1, Ordering::SeqCst);
            }
        });
        server
    }

    fn told(&self) -> Outside {
        let mut told = Outside { timestamps: Some(format!("http://{}/tsa", self.address)), ..quick() };
        told.pace.day = Duration::from_millis(240);
        told
    }

    fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }
}

fn serve(mut stream: TcpStream, manner: Manner, authority: &Authority) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap() == 0 {
            return;
        }
    }
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /tsa ") && head.contains("content-type: application/timestamp-query"));
    let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let mut query = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut query).unwrap();
    let flipped = |at: usize| {
        let mut other = query.clone();
        other[at] ^= 1;
        authority.answer(&other)
    };
    let (kind, answer) = match manner {
        Manner::Fine => ("application/timestamp-reply", authority.answer(&query)),
        // The hash ends where the nonce begins, and the nonce ends before the last three bytes.
        Manner::OtherBytes => ("application/timestamp-reply", flipped(query.len() - 3 - 10 - 1)),
        Manner::OtherNonce => ("application/timestamp-reply", flipped(query.len() - 3 - 1)),
        Manner::Refuses => ("application/timestamp-reply", authority.refuse(&query)),
        Manner::Garbage => ("application/timestamp-reply", b"0\x82\xff\xffnot a timestamp".to_vec()),
        Manner::WrongType => ("text/html", authority.answer(&query)),
        Manner::HangsUp => return,
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    stream.write_all(&[head.as_bytes(), &answer].concat()).unwrap();
}

fn stamps(stage: &Stage) -> Vec<PathBuf> {
    let Ok(files) = std::fs::read_dir(stage.directory.path().join("heads/timestamps")) else { return vec![] };
    let mut stamps: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    stamps.sort();
    stamps
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_stamped_and_an_auditor_can_check_it() {
    let server = Server::start(Manner::Fine);
    let stage = Stage::start_told(server.told()).await;
    let mut device = stage.enrolled("clinic-7").await;
    device.log.write_filler();
    parsed::<EvidenceTaken>(device.deliver(0).await).await;
    until(&stage, "stamped", |_| stamps(&stage).len() == 2).await;
    let directory = stage.directory.path().join("heads/timestamps");
    let (data, response) = (directory.join("1.checkpoint"), directory.join("1.tsr"));
    assert!(server.authority.verifies(&data, &response));
    assert!(!server.authority.verifies(&stage.directory.path().join("hub.json"), &response));
    let note = std::fs::read(stage.directory.path().join("heads/checkpoint")).unwrap();
    assert_eq!(std::fs::read(data).unwrap(), note);
    // Another day, another head.
    device.log.write_filler();
    parsed::<EvidenceTaken>(device.deliver(2).await).await;
    until(&stage, "stamped again", |_| stamps(&stage).len() == 4).await;
    assert!(server.authority.verifies(&directory.join("2.checkpoint"), &directory.join("2.tsr")));
    let heads = until(&stage, "seen as stamped", |heads| heads["timestamps"]["since"].is_string()).await;
    assert_eq!(
        (&heads["timestamps"]["trouble"], &heads["alarms"]),
        (&serde_json::Value::Null, &serde_json::json!([]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_none_is_not_kept_and_asked_for_again() {
    let server = Server::start(Manner::HangsUp);
    let stage = Stage::start_told(server.told()).await;
    let mut device = stage.enrolled("clinic-7").await;
    device.log.write_filler();
    parsed::<EvidenceTaken>(device.deliver(0).await).await;
    for (manner, says) in [
        (Manner::HangsUp, "could not be asked"),
        (Manner::OtherBytes, "other bytes"),
        (Manner::OtherNonce, "nonce differs"),
        (Manner::Refuses, "did not grant"),
        (Manner::Garbage, "no timestamp response"),
        (Manner::WrongType, "text/html"),
    ] {
        server.behave(manner);
        let asked = server.asked.load(Ordering::SeqCst);
        let trouble = |heads: &serde_json::Value| {
            heads["timestamps"]["trouble"].as_str().is_some_and(|t| t.contains(says))
        };
        until(&stage, says, trouble).await;
        assert!(server.asked.load(Ordering::SeqCst) > asked, "{manner:?} was not asked for again");
        assert_eq!(stamps(&stage), Vec::<PathBuf>::new(), "{manner:?} was kept");
    }
    // Three days and more have passed without one.
    until(&stage, "an alarm", |heads| heads["alarms"][0]["kind"] == "heads_not_stamped").await;
    server.behave(Manner::Fine);
    until(&stage, "stamped at last", |_| stamps(&stage).len() == 2).await;
    until(&stage, "no trouble", |heads| heads["timestamps"]["trouble"].is_null()).await;
}
