//! A fleet that is enrolled already: the registry is filled as enrolments would have filled it, and each host has a certificate by the hub's authority.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use identity::{Authority, DeviceKey, Holder, VerifiedRequest, client_config};
use rusqlite::{Connection, params};
use rustls::ClientConfig;
use tokio::sync::Mutex;

use crate::process::Hub;
use crate::wire::Wire;

/// Hosts of one tenant.
const EACH: usize = 100;

pub(crate) struct Host {
    pub(crate) id: String,
    pub(crate) tls: Arc<ClientConfig>,
    /// How many incidents it was given a receipt for, one number after the other.
    pub(crate) acknowledged: AtomicU64,
    /// Its second connection, for whatever it says.
    pub(crate) wire: Mutex<Option<Wire>>,
    /// When the incident was acknowledged whose order it waits for.
    pub(crate) ordered: std::sync::Mutex<Option<std::time::Instant>>,
}

pub(crate) struct Fleet {
    pub(crate) hosts: Vec<Host>,
    pub(crate) tenants: usize,
    pub(crate) port: u16,
}

impl Fleet {
    /// Makes a hub in `directory` and so many hosts.
    pub(crate) fn enrol(directory: &Path, count: usize) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Hub::begin(directory, port).kill();
        let read = |name: &str| std::fs::read_to_string(directory.join("keys").join(name)).unwrap();
        let authority_pem = read("authority.pem");
        let authority = Authority::load(&authority_pem, &read("authority.key"), "localhost").unwrap();
        // One key for all: what costs is the handshake, and nobody looks at whose key it is.
        let key = DeviceKey::create().unwrap();
        let csr = VerifiedRequest::verify(&key.request().unwrap()).unwrap();
        let now = edge::clock::utc();
        let mut database = Connection::open(directory.join("hub.db")).unwrap();
        let change = database.transaction().unwrap();
        let tenants = count.div_ceil(EACH);
        for t in 0..tenants {
            change.execute("INSERT INTO tenant VALUES (?1, 0)", [format!("t-{t}")]).unwrap();
            change.execute("INSERT INTO site VALUES (?1, 'main', 0)", [format!("t-{t}")]).unwrap();
        }
        let host = |n: usize| {
            let (id, tenant) = (format!("h-{n}"), format!("t-{}", n / EACH));
            let holder = Holder {
                tenant: tenant.parse().unwrap(),
                site: "main".parse().unwrap(),
                host: id.parse().unwrap(),
            };
            let issued = authority.device(&csr, &holder, now).unwrap();
            change
                .execute(
                    "INSERT INTO host (host, tenant, site, origin, token, secret, token_until, device_key, evidence_key)
                     VALUES (?1, ?2, 'main', ?3, ?1, 'none', 0, ?4, 'none')",
                    params![id, tenant, format!("localhost/{id}"), csr.key_digest().to_string()],
                )
                .unwrap();
            change
                .execute(
                    "INSERT INTO certificate VALUES (?1, 'device', ?2, ?3, ?4, ?5, NULL)",
                    params![
                        issued.fingerprint.to_string(),
                        id,
                        issued.certificate_pem,
                        issued.validity.from.unix_ms(),
                        issued.validity.until.unix_ms()
                    ],
                )
                .unwrap();
            let mut tls = client_config(&authority_pem, &issued.certificate_pem, &key.pem()).unwrap();
            tls.resumption = rustls::client::Resumption::disabled();
            Host {
                id,
                tls: Arc::new(tls),
                acknowledged: AtomicU64::new(0),
                wire: Mutex::default(),
                ordered: std::sync::Mutex::default(),
            }
        };
        let hosts = (0..count).map(host).collect();
        change.commit().unwrap();
        Self { hosts, tenants, port }
    }
}

/// What the hub holds of what it acknowledged.
pub(crate) struct Counted {
    pub(crate) acknowledged: u64,
    pub(crate) lost: u64,
    /// Orders beyond the first for one incident of one host.
    pub(crate) orders_twice: u64,
}

pub(crate) fn count(directory: &Path, hosts: &[Host]) -> Counted {
    let database = Connection::open(directory.join("hub.db")).unwrap();
    let held = |host: &Host, below: u64| -> u64 {
        let sql = "SELECT count(*) FROM incident WHERE host = ?1 AND incident LIKE 'n-%'
                   AND CAST(substr(incident, 3) AS INTEGER) < ?2";
        let values = params![host.id, i64::try_from(below).unwrap()];
        let held: i64 = database.prepare_cached(sql).unwrap().query_row(values, |row| row.get(0)).unwrap();
        held.unsigned_abs()
    };
    let (mut acknowledged, mut lost) = (0, 0);
    for host in hosts {
        let told = host.acknowledged.load(Ordering::SeqCst);
        acknowledged += told;
        lost += told - held(host, told);
    }
    let sql = "SELECT coalesce(sum(given - 1), 0) FROM (SELECT count(*) AS given FROM signed_order GROUP BY host, incident)";
    let twice: i64 = database.query_row(sql, [], |row| row.get(0)).unwrap();
    Counted { acknowledged, lost, orders_twice: twice.unsigned_abs() }
}
