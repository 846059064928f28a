//! `restore.test` from a repository on the network: restic under the sandbox, through the proxy, to a server that only reads.

use serde_json::{Value, json};

use crate::inside::Inside;

/// Not the machine's loopback: for that, programs in Go use no proxy.
const SERVER: &str = "192.0.2.1:8443";

/// A backup, and restic's REST protocol as far as a reader needs it, from plain files: each directory's list is a file.
const SETUP: &str = r#"
ip addr add 192.0.2.1/32 dev lo
mkdir -p /srv/clinic /srv/own && cd /srv
for i in $(seq 5); do echo "letter $i" >clinic/$i.txt; done
echo secret >own/password
printf 'RESTIC_REPOSITORY=rest:https://192.0.2.1:8443/\nRESTIC_PASSWORD_FILE=/srv/own/password\n' >own/environment
chmod 600 own/*
export RESTIC_REPOSITORY=/srv/www RESTIC_PASSWORD_FILE=/srv/own/password
restic --no-cache init -q && restic --no-cache backup -q /srv/clinic
find www/data -type f -exec mv -t www/data {} + && find www/data -mindepth 1 -type d -delete
for d in keys snapshots index data; do
    (cd www/$d && { printf '['; s=; for f in $(ls); do printf '%s{"name":"%s","size":%s}' "$s" "$f" "$(stat -c %s "$f")"; s=,; done; printf ']'; } >../$d.json)
    mv www/$d.json www/$d/list
done
chmod -R a+rX www
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -addext subjectAltName=IP:192.0.2.1 -days 2 -keyout /etc/key.pem -out /etc/cert.pem 2>/dev/null
cat /etc/cert.pem >>/etc/ssl/certs/ca-certificates.crt
cat >/etc/nginx/conf.d/rest.conf <<'END'
server {
    listen 192.0.2.1:8443 ssl;
    ssl_certificate /etc/cert.pem;
    ssl_certificate_key /etc/key.pem;
    root /srv/www;
    types { }
    default_type application/vnd.x.restic.rest.v2;
    index list;
}
END
systemctl restart nginx
"#;

fn step(reaches: &Value) -> Value {
    json!({"restore.test": {
        "environment": "/srv/own/environment", "snapshot_days_max": 1, "include": ["/srv/clinic"],
        "size_mb_max": 100, "stamp": "/srv/own/stamp", "reaches": reaches,
    }})
}

#[test]
fn a_repository_on_the_network_is_reached_as_declared_and_no_other_way() {
    let Some(inside) = Inside::boot() else { return };
    inside.guest.ok(SETUP);
    let confined = json!({"hidden": [], "time_limit_ms": 120_000});
    inside.ask("arm_act", &step(&json!([])), &confined).badly("File", "whom to reach");
    let elsewhere = inside.ask(
        "arm_act",
        &step(&json!(["backup.example.org:443"])),
        &json!({"hidden": [], "time_limit_ms": 3000}),
    );
    assert!(!elsewhere.part("error").is_null(), "it was reached though it is not on the list");
    inside.guest.ok("test ! -e /srv/own/stamp");
    let said = inside.ask("arm_act", &step(&json!([SERVER])), &confined).well();
    assert_eq!((said.count("files_restored"), said.count("files_compared")), (Some(5), Some(5)));
    let connections = said.part("connections").as_array().unwrap();
    assert!(!connections.is_empty(), "no connection is told");
    for connection in connections {
        assert_eq!((&connection[0], &connection[1]), (&json!(SERVER), &json!(true)));
        assert!(connection[2].as_u64() > Some(0) && connection[3].as_u64() > Some(0), "{connection}");
    }
    inside.guest.ok("test -f /srv/own/stamp");
}
