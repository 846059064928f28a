//! What people outside the console are told, over real sockets: a webhook, a mail server and a syslog of our own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use hub::config::{Bounds, Config, Outside};
use hub::serve::start;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::people::{invited, technician_of};
use crate::stage::{Stage, config, parsed};

const PATIENCE: Duration = Duration::from_secs(20);

/// Answers the first request with 503 and every later one with 204, and tells what came: the signature and the body.
fn webhook() -> (String, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/in", listener.local_addr().unwrap());
    let (told, heard) = channel();
    std::thread::spawn(move || {
        for (turn, stream) in listener.incoming().enumerate() {
            let mut reader = BufReader::new(stream.unwrap());
            let (mut signature, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let (name, value) = line.trim_end().split_once(": ").unwrap_or_default();
                match name.to_ascii_lowercase().as_str() {
                    "x-suture-signature" => value.clone_into(&mut signature),
                    "content-length" => length = value.parse().unwrap(),
                    _ => {}
                }
                if line == "\r\n" {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = if turn == 0 { "503 Busy" } else { "204 Taken" };
            let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
            let _ = told.send((signature, String::from_utf8(body).unwrap()));
        }
    });
    (url, heard)
}

/// A mail server that takes everything, and tells what came of each mail: the envelope and the text.
pub(crate) fn mail_server() -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, heard) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut all = String::new();
            let mut in_data = false;
            reader.get_mut().write_all(b"220 mail.test\r\n").unwrap();
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    break;
                }
                all.push_str(&line);
                let answer: &[u8] = match line.trim_end() {
                    "." if in_data => {
                        in_data = false;
                        b"250 taken\r\n"
                    }
                    _ if in_data => continue,
                    "DATA" => {
                        in_data = true;
                        b"354 go on\r\n"
                    }
                    "QUIT" => b"221 bye\r\n",
                    _ => b"250 ok\r\n",
                };
                reader.get_mut().write_all(answer).unwrap();
                if answer.starts_with(b"250 taken") {
                    let _ = told.send(std::mem::take(&mut all));
                }
            }
        }
    });
    (port, heard)
}

fn hmac(secret: &str, text: &str) -> String {
    let mut openssl = Command::new("openssl");
    let openssl =
        openssl.args(["dgst", "-sha256", "-hmac", secret]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = openssl.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    out.trim().rsplit(' ').next().unwrap().to_owned()
}

async fn told_by(directory: tempfile::TempDir, alerts: &Path) -> Stage {
    let config = Config {
        alerts: Some(alerts.to_owned()),
        alerts_every: Duration::from_millis(50),
        ..config(directory.path())
    };
    let running = start(&config).await.unwrap();
    Stage::of(directory, running).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_person_is_told_once_by_each_way_and_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().to_owned();
    let (url, posted) = webhook();
    let (port, mailed) = mail_server();
    let socket = at.join("log");
    let syslog = UnixDatagram::bind(&socket).unwrap();
    syslog.set_read_timeout(Some(PATIENCE)).unwrap();
    edge::file::write_durably(&at.join("secret"), b"a secret of a rig\n").unwrap();
    let (alerts, secret) = (at.join("alerts.yaml"), at.join("secret"));
    let (secret, socket) = (secret.display(), socket.display());
    let yaml = format!(
        "version: 1\nchannels:\n  hook: {{ webhook: {{ url: \"{url}\", secret_file: {secret} }} }}\n  mail: {{ smtp: {{ host: 127.0.0.1, port: {port}, tls: loopback-only, from: \"hub@msp.example\", to: [\"help@msp.example\"] }} }}\n  log: {{ syslog: {{ socket: {socket} }} }}\nroutes: [{{ kinds: [waiting], channels: [hook, mail, log] }}]\n"
    );
    edge::file::write_durably(&alerts, yaml.as_bytes()).unwrap();
    let stage = told_by(directory, &alerts).await;
    for host in 0..3 {
        let device = stage.enrolled("clinic-7").await;
        for incident in 0..4 {
            device.report(&format!("i-{host}-{incident}"), &format!("nobody.knows-{incident}")).await;
        }
    }
    let mut line = [0; 4096];
    let n = syslog.recv(&mut line).unwrap();
    let line = String::from_utf8_lossy(&line[..n]).into_owned();
    assert!(line.starts_with("<27>1 ") && line.contains("clinic-7/main"), "{line}");
    let mail = tokio::task::spawn_blocking(move || mailed.recv_timeout(PATIENCE).map(|mail| (mail, mailed)));
    let (mail, mailed) = mail.await.unwrap().unwrap();
    assert!(
        mail.contains("RCPT TO:<help@msp.example>") && mail.contains("Subject: [localhost] call"),
        "{mail}"
    );
    let hooked = tokio::task::spawn_blocking(move || {
        let both = [posted.recv_timeout(PATIENCE).unwrap(), posted.recv_timeout(PATIENCE).unwrap()];
        (both, posted)
    });
    let (both, posted) = hooked.await.unwrap();
    for (signature, body) in &both {
        let (time, code) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
        assert_eq!(code, hmac("a secret of a rig", &format!("{time}.{body}")), "{signature}");
    }
    assert_eq!(both[0].1, both[1].1, "what was not taken is sent again as it was");
    let message: Value = serde_json::from_str(&both[1].1).unwrap();
    assert_eq!((&message["kind"], &message["escalated"]), (&json!("call"), &json!(false)));

    // Twelve incidents at three machines are one alert, and it is told once.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(posted.try_recv().is_err() && mailed.try_recv().is_err(), "it was told twice");
    syslog.set_nonblocking(true).unwrap();
    assert!(syslog.recv(&mut [0; 16]).is_err(), "it was told twice");
    let listed: Value = parsed(stage.operate(Method::GET, "/api/v1/alerts", None).await).await;
    let listed = &listed["items"];
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    let what = listed[0]["what"].as_str().unwrap();
    assert!(
        what.starts_with("clinic-7/main: 12 causes wait for a person, the most urgent of them (high) until "),
        "{what}"
    );
    assert_eq!((&listed[0]["id"], &listed[0]["acknowledged"]), (&message["alert"], &Value::Null));
    let path = format!("/api/v1/alerts/{}/acknowledge", message["alert"]);
    let of_8 = invited(&stage, technician_of("clinic-8")).await;
    let none: Value = parsed(of_8.ask("GET", "/api/v1/alerts", None).await).await;
    assert_eq!(none["items"], json!([]));
    assert_eq!(of_8.ask("POST", &path, None).await.status(), StatusCode::NOT_FOUND);
    let of_7 = invited(&stage, technician_of("clinic-7")).await;
    assert_eq!(of_7.ask("POST", &path, None).await.status(), StatusCode::OK);
    let listed: Value = parsed(of_7.ask("GET", "/api/v1/alerts", None).await).await;
    assert_eq!(listed["items"][0]["by"], "of-clinic-7");

    // A restart tells nobody again.
    let Stage { directory, running } = stage;
    running.stop().await;
    let stage = told_by(directory, &alerts).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(posted.try_recv().is_err() && mailed.try_recv().is_err(), "a restart told it again");
    stage.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_that_make_no_sense_stop_the_start_and_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let alerts = directory.path().join("alerts.yaml");
    edge::file::write_durably(&alerts, b"version: 1\nchannels: {}\nroutes: [{ channels: [bell] }]\n")
        .unwrap();
    let config = Config { alerts: Some(alerts), ..config(directory.path()) };
    let refused = start(&config).await.unwrap_err();
    let causes = std::iter::successors(Some(&refused as &dyn std::error::Error), |e| e.source());
    let told = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    assert!(told.contains("alerts.yaml") && told.contains("bell"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_others_may_read_stops_the_start_and_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let alerts = dark_rules(directory.path(), "https://pager.example/in", "https://pager.example/up");
    let secret = directory.path().join("secret");
    let config = Config { alerts: Some(alerts), ..config(directory.path()) };
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = start(&config).await.unwrap_err();
    let causes = std::iter::successors(Some(&refused as &dyn std::error::Error), |e| e.source());
    let told = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    assert!(told.contains(&secret.display().to_string()) && told.contains("0644"), "{told}");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o640)).unwrap();
    start(&config).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_takes_nothing_holds_up_no_other_and_no_stop() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().to_owned();
    // Connections are made, and nobody answers.
    let dead = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = at.join("log");
    let syslog = UnixDatagram::bind(&socket).unwrap();
    syslog.set_read_timeout(Some(Duration::from_secs(4))).unwrap();
    edge::file::write_durably(&at.join("secret"), b"a secret of a rig\n").unwrap();
    let yaml = format!(
        "version: 1\nchannels:\n  dead: {{ webhook: {{ url: \"http://{}/in\", secret_file: {} }} }}\n  log: {{ syslog: {{ socket: {} }} }}\nroutes: [{{ kinds: [waiting], channels: [dead, log] }}]\n",
        dead.local_addr().unwrap(),
        at.join("secret").display(),
        socket.display(),
    );
    edge::file::write_durably(&at.join("alerts.yaml"), yaml.as_bytes()).unwrap();
    let stage = told_by(directory, &at.join("alerts.yaml")).await;
    let next = |tenant: &str| {
        let mut line = [0; 4096];
        let n = syslog.recv(&mut line).unwrap_or_else(|e| panic!("nobody was told of {tenant}: {e}"));
        let line = String::from_utf8_lossy(&line[..n]).into_owned();
        assert!(line.contains(&format!("{tenant}/main: call ")), "{line}");
    };
    for (turn, tenant) in ["clinic-7", "clinic-8", "clinic-9"].into_iter().enumerate() {
        if turn == 2 {
            // What the dead one has not taken is much, and older than all that comes.
            let database = rusqlite::Connection::open(at.join("hub.db")).unwrap();
            let more = "INSERT INTO alert_sending (alert, channel, message, begun, due)
                SELECT alert, channel, message, begun, 0 FROM alert_sending, generate_series WHERE channel = 'dead'";
            let more = more.replace(
                "generate_series",
                "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT i FROM n)",
            );
            assert!(database.execute(&more, []).unwrap() >= 200);
        }
        stage.enrolled(tenant).await.report("i-1", "nobody.knows").await;
        next(tenant);
    }
    let began = std::time::Instant::now();
    stage.running.stop().await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

/// An alerts.yaml of a rig, with one webhook and somebody above.
fn dark_rules(at: &Path, url: &str, boss: &str) -> std::path::PathBuf {
    let (alerts, secret) = (at.join("alerts.yaml"), at.join("secret"));
    edge::file::write_durably(&secret, b"a secret of a rig\n").unwrap();
    let secret = secret.display();
    let yaml = format!(
        "version: 1\nsite_dark_after_minutes: 15\nchannels:\n  hook: {{ webhook: {{ url: \"{url}\", secret_file: {secret} }} }}\n  boss: {{ webhook: {{ url: \"{boss}\", secret_file: {secret} }} }}\nroutes: [{{ channels: [hook] }}]\nescalation: {{ after_minutes: 1, channels: [boss] }}\n"
    );
    edge::file::write_durably(&alerts, yaml.as_bytes()).unwrap();
    alerts
}

async fn heard(from: Receiver<(String, String)>) -> (Value, Receiver<(String, String)>) {
    let waited = tokio::task::spawn_blocking(move || {
        let (signature, body) = from.recv_timeout(PATIENCE).unwrap();
        let (time, code) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
        assert_eq!(code, hmac("a secret of a rig", &format!("{time}.{body}")));
        let message: Value = serde_json::from_str(&body).unwrap();
        // The test's server turns down the first time; the same comes again.
        if let Ok((_, again)) = from.recv_timeout(Duration::from_secs(8)) {
            assert_eq!(again, body);
        }
        (message, from)
    });
    waited.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_of_forty_machines_that_goes_dark_is_one_message_then_goes_up_and_rests_once_somebody_has_it()
{
    let directory = tempfile::tempdir().unwrap();
    let ((url, posted), (boss_url, boss)) = (webhook(), webhook());
    let alerts = dark_rules(directory.path(), &url, &boss_url);
    let listens = Bounds { listens: Some(Duration::ZERO), ..Bounds::default() };
    let stage = Stage::start_in(directory, Outside::default()).await;
    for _ in 0..40 {
        stage.enrolled("clinic-7").await.orders(0).await;
    }
    let directory = stage.stopped().await;
    let database = rusqlite::Connection::open(directory.path().join("hub.db")).unwrap();
    // As though twenty minutes had passed since.
    let aged = database.execute("UPDATE host SET seen = seen - 1200000 WHERE seen IS NOT NULL", []).unwrap();
    assert_eq!(aged, 40);
    let config = Config {
        alerts: Some(alerts),
        alerts_every: Duration::from_millis(50),
        bounds: listens,
        ..config(directory.path())
    };
    let stage = Stage::of(directory, start(&config).await.unwrap()).await;
    let (message, posted) = heard(posted).await;
    assert_eq!((&message["kind"], &message["escalated"]), (&json!("site-dark"), &json!(false)));
    assert!(
        message["what"].as_str().unwrap().starts_with("clinic-7/main: none of its 40 machines"),
        "{message}"
    );
    assert!(posted.try_recv().is_err(), "forty machines were more than one message");
    assert!(boss.try_recv().is_err(), "it went up before its time");

    // Nobody acknowledged it for a minute: as though, again.
    let aged = database.execute("UPDATE alert SET told = told - 61000", []).unwrap();
    assert_eq!(aged, 1);
    let (up, boss) = heard(boss).await;
    assert_eq!((&up["alert"], &up["escalated"]), (&message["alert"], &json!(true)));
    assert!(posted.try_recv().is_err(), "who was told already was told again");

    let path = format!("/api/v1/alerts/{}/acknowledge", message["alert"]);
    assert_eq!(stage.operate(Method::POST, &path, None).await.status(), StatusCode::OK);
    database
        .execute("UPDATE alert SET told = told - 90000000, escalated = escalated - 90000000", [])
        .unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(
        posted.try_recv().is_err() && boss.try_recv().is_err(),
        "somebody has it, and others are told again"
    );
}

/// The alert of this kind of alarm, once it is as it should be.
async fn listed(stage: &Stage, alarm: &str, is_right: impl Fn(&Value) -> bool) -> Value {
    let began = std::time::Instant::now();
    loop {
        let all: Value = parsed(stage.operate(Method::GET, "/api/v1/alerts", None).await).await;
        let items = all["items"].as_array().unwrap();
        let of = items.iter().find(|alert| alert["what"].as_str().unwrap().contains(alarm));
        if let Some(alert) = of.filter(|alert| is_right(alert)) {
            return alert.clone();
        }
        assert!(began.elapsed() < PATIENCE, "{alarm}: {all}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_is_told_until_somebody_has_it_and_a_quarantine_until_it_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().to_owned();
    let stage = Stage::start_in(directory, Outside::default()).await;
    let hosts = [stage.enrolled("clinic-7").await.sheet.host, stage.enrolled("clinic-7").await.sheet.host];
    let directory = stage.stopped().await;
    let alerts = at.join("alerts.yaml");
    let yaml = format!(
        "version: 1\nchannels: {{ log: {{ syslog: {{ socket: {} }} }} }}\nroutes: [{{ channels: [log] }}]\n",
        at.join("log").display()
    );
    edge::file::write_durably(&alerts, yaml.as_bytes()).unwrap();
    let stage = told_by(directory, &alerts).await;
    let database = rusqlite::Connection::open(at.join("hub.db")).unwrap();
    let now = edge::clock::utc().unix_ms();
    let sql = "INSERT INTO alarm (host, kind, detail, first, last) VALUES (?1, 'fork', 'two roots', ?2, ?2)";
    database.execute(sql, rusqlite::params![hosts[0].as_str(), now]).unwrap();
    let sql = "INSERT INTO quarantine (host, since, changed, said) VALUES (?1, ?2, '[]', '{}')";
    database.execute(sql, rusqlite::params![hosts[1].as_str(), now]).unwrap();
    for alarm in ["fork at 1 machine", "1 machine in quarantine"] {
        listed(&stage, alarm, |alert| alert["told"].is_string() && alert["over"].is_null()).await;
    }

    // A day later: it did not fork again, and somebody let the other one out.
    database.execute("UPDATE alarm SET last = last - 100000000", []).unwrap();
    database.execute("DELETE FROM quarantine", []).unwrap();
    let released = listed(&stage, "in quarantine", |alert| alert["over"].is_string()).await;
    assert!(released["acknowledged"].is_null(), "{released}");
    let forked = listed(&stage, "fork at 1 machine", |alert| alert["over"].is_null()).await;
    let path = format!("/api/v1/alerts/{}/acknowledge", forked["id"]);
    assert_eq!(stage.operate(Method::POST, &path, None).await.status(), StatusCode::OK);
    listed(&stage, "fork", |alert| alert["over"].is_string()).await;
    stage.running.stop().await;
}

#[test]
fn the_program_itself_tells_a_webhook_and_goes_on() {
    let (_root, directory, _) = crate::running::made();
    let (url, posted) = webhook();
    let alerts = dark_rules(&directory, &url, &url);
    // A hub that was never backed up is a fault, so that there is something to tell.
    let yaml =
        std::fs::read_to_string(&alerts).unwrap().replace("site_dark", "backup_within_hours: 1\nsite_dark");
    edge::file::write_durably(&alerts, yaml.as_bytes()).unwrap();
    let mut command = crate::process::serve(&directory);
    command.arg("--alerts").arg(&alerts).args(["--alerts-every-ms", "50"]);
    // A machine that knows no authority: who tells this machine alone needs none.
    let none = directory.join("authorities.pem");
    edge::file::write_durably(&none, b"").unwrap();
    command.env("SSL_CERT_FILE", &none).env_remove("SSL_CERT_DIR");
    let mut hub = crate::running::Process::started(command);
    let (_, body) = posted.recv_timeout(PATIENCE).expect("the program told nobody");
    assert!(body.contains("never backed up"), "{body}");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(hub.child.try_wait().unwrap(), None, "it ended over it");
    assert_eq!(crate::process::terminate(&mut hub.child), Some(0));
}

#[test]
fn what_opens_a_webhook_does_not_come_into_the_trace() {
    let (_root, directory, _) = crate::running::made();
    // Nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/in/a-token-in-the-path");
    let alerts = dark_rules(&directory, &url, &url);
    let yaml =
        std::fs::read_to_string(&alerts).unwrap().replace("site_dark", "backup_within_hours: 1\nsite_dark");
    edge::file::write_durably(&alerts, yaml.as_bytes()).unwrap();
    let trace = directory.join("trace");
    let mut command = crate::process::serve(&directory);
    command.arg("--alerts").arg(&alerts).args(["--alerts-every-ms", "50", "--trace", "json"]);
    command.stderr(std::fs::File::create(&trace).unwrap());
    let mut hub = crate::running::Process::started(command);
    let said = traced(&trace, "an alert was not taken");
    assert!(said.contains("hook") && !said.contains("a-token-in-the-path"), "{said}");
    assert_eq!(crate::process::terminate(&mut hub.child), Some(0));
}

/// Waits until a hub's trace says something, and hands it over as far as it goes.
pub(crate) fn traced(trace: &Path, says: &str) -> String {
    let began = std::time::Instant::now();
    loop {
        let said = std::fs::read_to_string(trace).unwrap();
        if said.contains(says) {
            return said;
        }
        assert!(began.elapsed() < PATIENCE, "it never said that {says}: {said}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
