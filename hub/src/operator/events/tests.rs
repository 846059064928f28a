//! A reader that stops reading, at a real socket.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use contract::ids::{HostId, TenantId};

use super::super::tests::{admin, config};
use crate::events::Happened;
use crate::serve::start;

/// Opens the stream, and reads it until it says that it is ready.
fn follow(address: &str, session: &str) -> TcpStream {
    let mut peer = TcpStream::connect(address).unwrap();
    let head =
        format!("GET /api/v1/events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {session}\r\n\r\n");
    peer.write_all(head.as_bytes()).unwrap();
    let mut said = String::new();
    while !said.contains("event: ready") {
        let mut bytes = [0; 1024];
        let read = peer.read(&mut bytes).unwrap();
        assert!(read > 0, "it ended: {said}");
        said.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    peer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stops_reading_is_cut_and_holds_up_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(&config(directory.path())).await.unwrap();
    let (_, url, session) = admin(&running).await;
    let hub = std::sync::Arc::clone(running.hub());
    let address = url.trim_start_matches("http://").to_owned();
    let open = move || (follow(&address, &session), follow(&address, &session));
    let (mut stalled, mut reads) = tokio::task::spawn_blocking(open).await.unwrap();
    assert_eq!(hub.readers.taken(), 2);
    let marked = tokio::task::spawn_blocking(move || {
        let (mut bytes, mut said) = (vec![0; 64 * 1024], String::new());
        while !said.contains("18446744073709551615") {
            let read = reads.read(&mut bytes).unwrap();
            assert!(read > 0, "whoever reads was cut");
            // The mark may lie across two pieces.
            said = said.split_off(said.len().saturating_sub(64));
            said.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        reads
    });
    let (tenant, host): (TenantId, HostId) = ("a".parse().unwrap(), "h-1".parse().unwrap());
    let tell = |size| hub.events.tell(&tenant, &host, Happened::Evidence(size));
    let begun = Instant::now();
    let mut n = 0;
    while hub.readers.taken() == 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody was cut in {n} events");
        (0..200).for_each(|_| tell(n));
        n += 200;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(hub.readers.taken(), 1, "the wrong one was cut, or both");
    tell(u64::MAX);
    let reads = tokio::time::timeout(Duration::from_secs(10), marked).await;
    let _reads = reads.expect("whoever reads waits for whoever does not").unwrap();
    // What the kernel held for it is there still; then comes the end.
    let end = tokio::task::spawn_blocking(move || {
        let mut bytes = vec![0; 1024 * 1024];
        loop {
            match stalled.read(&mut bytes) {
                Ok(0) | Err(_) => break true,
                Ok(_) => {}
            }
        }
    });
    assert!(tokio::time::timeout(Duration::from_secs(10), end).await.unwrap().unwrap());
    drop(hub);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_follows_so_many_streams_and_leaves_the_others_theirs() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(&config(directory.path())).await.unwrap();
    let (client, url, session) = admin(&running).await;
    let address = url.trim_start_matches("http://").to_owned();
    let opener = session.clone();
    let open = move || (0..super::READERS_EACH).map(|_| follow(&address, &opener)).collect::<Vec<_>>();
    let streams = tokio::task::spawn_blocking(open).await.unwrap();
    let again = || client.get(format!("{url}/api/v1/events")).bearer_auth(&session).send();
    assert_eq!(again().await.unwrap().status(), 429, "one person took every seat");
    let hub = std::sync::Arc::clone(running.hub());
    assert!(hub.readers.take(&"somebody-else".parse().unwrap()).is_ok(), "nothing is left for others");
    drop(streams);
    while hub.readers.taken() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(again().await.unwrap().status(), 200);
}
