//! Certificates, renewed by a unit that writes what each test wants, and put back.

use serde_json::{Value, json};

use super::inside::Inside;

const DIR: &str = "/etc/ssl/clinic";

/// Makes `$2` days of a certificate for `$3` with the key `$1.key`, signed by `$4`, and its chain, as `$1.pem`.
const ISSUE: &str = r#"
set -eu
cd /ca
new_key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }
[ -e ca.key ] || { new_key ca.key; openssl req -x509 -new -key ca.key -subj /CN=ca -days 3650 -out ca.pem; }
# Of the same name, and nobody's authority.
[ -e forger.key ] || { new_key forger.key; openssl req -x509 -new -key forger.key -subj /CN=ca -days 3650 -out forger.pem; }
by=${4:-ca}
new_key "$1.key"
openssl req -new -key "$1.key" -subj /CN=x -out csr
echo "subjectAltName=DNS:${3:-clinic.example}" >names
openssl x509 -req -in csr -extfile names -CA "$by.pem" -CAkey "$by.key" -days "$2" -out "$1.pem" 2>/dev/null
cat "$by.pem" >>"$1.pem"
"#;

fn renew() -> Value {
    json!({"cert.renew": {
        "unit": "acme.service", "certificate": format!("{DIR}/fullchain.pem"), "key": format!("{DIR}/key.pem"),
        "days_min": 30, "reload": "web.service",
    }})
}

/// A machine with an old pair, a service that reads it, and a unit that renews with this script.
fn clinic(script: &str) -> Option<Inside> {
    let inside = Inside::boot()?;
    inside.guest.put("/ca/issue", ISSUE.as_bytes());
    inside.guest.put("/acme", format!("set -eu\necho x >>/renewed\n{script}\n").as_bytes());
    let web = "[Service]\nExecStart=/bin/sleep 1000\nExecReload=/bin/sh -c \"echo x >>/reloaded\"\n";
    inside.guest.put("/etc/systemd/system/web.service", web.as_bytes());
    inside.unit("acme.service", "[Service]\nType=oneshot\nExecStart=/bin/sh /acme\n");
    inside.guest.ok(&format!(
        "sh /ca/issue /ca/old 5; sh /ca/issue /ca/new 90; mkdir {DIR}; cp /ca/old.pem {DIR}/fullchain.pem
        cp /ca/old.key {DIR}/key.pem; chmod 640 {DIR}/key.pem; chown www-data:adm {DIR}/key.pem
        touch /reloaded; systemctl start web"
    ));
    Some(inside)
}

/// All that can be told of the pair: bytes, mode, owner, and that nothing lies beside it.
fn pair(inside: &Inside) -> String {
    inside.guest.ok(&format!("cd {DIR}; sha256sum *.pem; stat -c '%n %a %u %g' *.pem; ls -A"))
}

fn reloads(inside: &Inside) -> String {
    inside.guest.ok("wc -l </reloaded")
}

#[test]
fn guest_a_good_certificate_is_taken_and_its_inverse_puts_the_old_pair_back() {
    let copy = format!("cp /ca/new.pem {DIR}/fullchain.pem; rm {DIR}/key.pem; cp /ca/new.key {DIR}/key.pem");
    let Some(inside) = clinic(&copy) else { return };
    let before = pair(&inside);
    inside.ask("arm", &renew(), &json!({})).well();
    assert_eq!(pair(&inside), before, "arming changes nothing");
    let acted = inside.act(&renew()).well();
    // The second in which it was made decides.
    assert!(matches!(acted.count("days_left"), Some(89 | 90)), "{acted:?}");
    inside.guest.ok(&format!("cmp /ca/new.pem {DIR}/fullchain.pem && cmp /ca/new.key {DIR}/key.pem"));
    assert_eq!(reloads(&inside), "1");
    assert!(!acted.before().to_string().contains("BEGIN"), "the key stays in the snapshot");
    for undone in 2..=3 {
        inside.undo(&renew(), &acted.before()).well();
        assert_eq!(pair(&inside), before);
        assert_eq!(reloads(&inside), undone.to_string());
    }
    // Another run, while its user does not run: it is not started. The chain is verified in the sandbox.
    inside.guest.ok("systemctl stop web");
    inside.ask("arm_act", &renew(), &json!({"hidden": []})).well();
    assert_eq!(inside.says("web", "ActiveState"), "inactive");
}

#[test]
fn guest_a_bad_pair_is_refused_and_the_old_one_comes_back() {
    let Some(inside) = clinic("true") else { return };
    let before = pair(&inside);
    inside.guest.ok(
        "sh /ca/issue /ca/expired -1; sh /ca/issue /ca/short 20; sh /ca/issue /ca/others 90 others.example; \
         sh /ca/issue /ca/forged 90 clinic.example forger",
    );
    inside.guest.ok("cp /ca/ca.pem /ca/alone.pem; cp /ca/ca.key /ca/alone.key");
    inside.guest.ok("openssl genrsa -out /ca/other.key 2>/dev/null");
    inside
        .guest
        .ok("openssl rsa -aes128 -passout pass:secret -in /ca/other.key -out /ca/locked.key 2>/dev/null");
    let full = format!("{DIR}/fullchain.pem");
    let key = format!("cp /ca/new.key {DIR}/key.pem");
    let bad = [
        (format!("cp /ca/expired.pem {full}; cp /ca/expired.key {DIR}/key.pem"), "has expired"),
        (format!("cp /ca/short.pem {full}; cp /ca/short.key {DIR}/key.pem"), "does not hold long enough"),
        (format!("cp /ca/others.pem {full}; cp /ca/others.key {DIR}/key.pem"), "is for other names"),
        (format!("cp /ca/alone.pem {full}; cp /ca/alone.key {DIR}/key.pem"), "is for other names"),
        (format!("cp /ca/new.pem {full}"), "is not that of the new certificate"),
        (format!("cp /ca/new.pem {full}; cp /ca/locked.key {DIR}/key.pem"), "the new key cannot be read"),
        (format!("cat /ca/new.pem /ca/new.pem >{full}; {key}"), "is not in order"),
        (format!("cp /ca/forged.pem {full}; cp /ca/forged.key {DIR}/key.pem"), "leads to nobody"),
        (
            format!(
                "openssl x509 -in /ca/forged.pem >{full}; cat /ca/ca.pem >>{full}; cp /ca/forged.key {DIR}/key.pem"
            ),
            "is not signed by",
        ),
        (format!("head -c 300 /ca/new.pem >{full}; {key}"), "cannot be read"),
        (format!(": >{full}; {key}"), "cannot be read"),
        (format!("rm {DIR}/key.pem"), "left no certificate or no key"),
        ("true".to_owned(), "does not hold long enough"),
    ];
    for (script, words) in &bad {
        inside.guest.put("/acme", script.as_bytes());
        let acted = inside.act(&renew()).badly("NotAsDeclared", words);
        inside.undo(&renew(), &acted.before()).well();
        assert_eq!(pair(&inside), before, "{script}");
    }
    // A unit that fails, also where it has written something.
    inside.guest.put("/acme", format!("cp /ca/new.pem {full}; exit 3").as_bytes());
    let acted = inside.act(&renew()).badly("Unit", "acme.service");
    inside.undo(&renew(), &acted.before()).well();
    assert_eq!(pair(&inside), before);
    // A link that was put in place of a file is not followed; undoing puts the file back and leaves what the link led to.
    inside.guest.put("/acme", format!("ln -sf /etc/passwd {full}").as_bytes());
    let acted = inside.act(&renew()).badly("File", "without following a link");
    inside.undo(&renew(), &acted.before()).well();
    assert_eq!(pair(&inside), before);
    inside.guest.ok("grep -q ^root: /etc/passwd");
}

#[test]
fn guest_a_pair_that_was_half_put_back_is_put_back_by_the_next_undo() {
    let copy = format!("cp /ca/new.pem {DIR}/fullchain.pem; cp /ca/new.key {DIR}/key.pem");
    let Some(inside) = clinic(&copy) else { return };
    let before = pair(&inside);
    let acted = inside.act(&renew()).well();
    // As a power cut leaves it: the key is back, the certificate is not, and its candidate is half written.
    inside.guest.ok(&format!(
        "cat /ca/old.key >{DIR}/key.pem; head -c 99 /ca/old.pem >{DIR}/.fullchain.pem.suture-new"
    ));
    inside.undo(&renew(), &acted.before()).well();
    assert_eq!(pair(&inside), before);
    // What was kept and has been altered is not believed, and nothing is touched.
    let there = inside.guest.ok(&format!("cp /ca/new.key {DIR}/key.pem; sha256sum {DIR}/key.pem"));
    std::fs::write(inside.kept("key"), b"x").unwrap();
    inside.undo(&renew(), &acted.before()).badly("Snapshot", "not what was kept");
    assert_eq!(inside.guest.ok(&format!("sha256sum {DIR}/key.pem")), there);
}

#[test]
fn guest_where_there_was_no_certificate_none_is_left() {
    let copy = format!("cp /ca/new.pem {DIR}/fullchain.pem; cp /ca/new.key {DIR}/key.pem");
    let Some(inside) = clinic(&copy) else { return };
    inside.guest.ok(&format!("rm {DIR}/*"));
    // Nothing says whom to believe but the machine's own store; and openssl reads that in the sandbox as well.
    let acted = inside.act(&renew()).badly("NotAsDeclared", "leads to nobody");
    inside.undo(&renew(), &acted.before()).well();
    inside.guest.ok("mkdir -p /etc/ssl/certs; cat /ca/ca.pem >>/etc/ssl/certs/ca-certificates.crt");
    let acted = inside.ask("arm_act", &renew(), &json!({"hidden": []})).well();
    for _ in 0..2 {
        inside.undo(&renew(), &acted.before()).well();
        assert_eq!(inside.guest.ok(&format!("ls -A {DIR}")), "");
    }
}

#[test]
fn guest_a_renewal_that_cannot_be_undone_or_checked_is_not_armed() {
    let Some(inside) = clinic("true") else { return };
    let armed = || inside.ask("arm", &renew(), &json!({}));
    let renewed = || inside.guest.sh("test -e /renewed").status.success();
    inside.guest.ok(&format!("mv {DIR} /real && ln -s /real {DIR}"));
    armed().badly("File", "without following a link");
    inside.guest.ok(&format!("rm {DIR}; mv /real {DIR}; cd {DIR}; mv key.pem k; ln -s k key.pem"));
    armed().badly("File", "without following a link");
    inside.guest.ok(&format!("cd {DIR}; rm key.pem; mkfifo key.pem"));
    armed().badly("File", "it is no regular file");
    inside
        .guest
        .ok(&format!("cd {DIR}; rm key.pem; mv k key.pem; mv /usr/bin/openssl /usr/bin/openssl.away"));
    armed().badly("Program", "it is not installed");
    inside.guest.ok("mv /usr/bin/openssl.away /usr/bin/openssl");
    for unit in ["web.service", "acme.service"] {
        let file = format!("/etc/systemd/system/{unit}");
        inside.guest.ok(&format!("mv {file} /kept; ln -s /dev/null {file}; systemctl daemon-reload"));
        armed().badly("Unit", "it is masked");
        inside.guest.ok(&format!("mv /kept {file}; systemctl daemon-reload"));
    }
    armed().well();
    assert!(!renewed(), "no refusal runs the unit");
}

#[test]
fn guest_a_renewal_that_hangs_is_stopped_and_the_old_pair_comes_back() {
    let hangs = format!("cp /ca/new.pem {DIR}/fullchain.pem; exec sleep 1001");
    let Some(inside) = clinic(&hangs) else { return };
    let before = pair(&inside);
    for (limit, kind) in
        [(json!({"time_limit_ms": 900}), "TooLate"), (json!({"interrupt_after_ms": 600}), "Interrupted")]
    {
        let acted = inside.ask("arm_act", &renew(), &limit).badly(kind, "");
        assert_ne!(pair(&inside), before, "it came as far as the certificate");
        assert_eq!(inside.guest.sh("pgrep -fx 'sleep 1001'").stdout, b"");
        inside.undo(&renew(), &acted.before()).well();
        assert_eq!(pair(&inside), before);
    }
}
