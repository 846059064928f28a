//! The SSH server and its Match blocks.

use contract::fact::Absence;

use crate::tree::{Tree, as_root, check, number, word};

/// From OpenSSH 9.2 on Debian 12, shortened.
const EFFECTIVE: &str = "permitrootlogin without-password
passwordauthentication yes
maxauthtries 6
clientaliveinterval 0
logingracetime 60
loglevel INFO
channeltimeout x11-connection=1m session:*=15m
ciphers chacha20-poly1305@openssh.com,aes128-ctr,aes128-cbc,3des-cbc
macs umac-64-etm@openssh.com,umac-128@openssh.com,hmac-sha2-256,hmac-sha1
kexalgorithms curve25519-sha256,diffie-hellman-group14-sha256,diffie-hellman-group14-sha1
";

fn printing(text: &str) -> Tree {
    Tree::new().program("/usr/sbin/sshd", &format!("test \"$*\" = -T && cat <<'END'\n{text}END"))
}

#[test]
fn the_effective_settings_are_what_sshd_says() {
    let tree = printing(EFFECTIVE);
    assert_eq!(tree.read("sshd:permitrootlogin"), word("without-password"));
    assert_eq!(tree.read("sshd:maxauthtries"), number(6));
    assert_eq!(tree.read("sshd:loglevel"), word("INFO"));
    assert_eq!(tree.read("sshd:weak_ciphers"), number(2));
    assert_eq!(tree.read("sshd:weak_macs"), number(2));
    assert_eq!(tree.read("sshd:weak_kex"), number(1));
    assert_eq!(tree.read("sshd:session_idle_seconds"), number(900));
    assert_eq!(tree.read("sshd:permitemptypasswords"), Err(Absence::NotInstalled), "not printed, not known");
    assert_eq!(tree.read("sshd:banner"), Err(Absence::Unsupported));
}

#[test]
fn a_session_times_out_only_where_its_own_channel_does() {
    let cases = [
        ("channeltimeout none\n", number(0)),
        ("port 22\n", number(0)),
        ("channeltimeout session=15m\n", number(0)),
        ("channeltimeout session:shell=1h30m\n", number(5400)),
        ("channeltimeout *=300\n", number(300)),
        ("channeltimeout session:*=never\n", Err(Absence::Malformed)),
    ];
    for (text, want) in cases {
        assert_eq!(printing(text).read("sshd:session_idle_seconds"), want, "{text}");
    }
}

#[test]
fn where_sshd_says_nothing_nothing_is_known() {
    let fact = "sshd:session_idle_seconds";
    check(&[], fact, &Err(Absence::NotInstalled));
    assert_eq!(printing("").read(fact), Err(Absence::Malformed));
    let refusing =
        |complaint: &str| Tree::new().program("/usr/sbin/sshd", &format!("echo '{complaint}' >&2; exit 255"));
    let asked = |complaint, absence| {
        let want = as_root(Err(absence));
        assert_eq!(refusing(complaint).read(fact), want, "{complaint}");
    };
    asked("Missing privilege separation directory: /run/sshd", Absence::NotRunning);
    asked("/etc/ssh/sshd_config: line 1: Bad configuration option: Prot", Absence::Malformed);
}

#[test]
fn a_match_block_that_changes_a_judged_setting_is_counted() {
    let fact = "sshd:match_overrides";
    let main = |text| ("/etc/ssh/sshd_config", text);
    check(&[], fact, &Err(Absence::NotInstalled));
    check(&[main("PermitRootLogin yes\n")], fact, &number(0));
    check(&[main("Match User ada\n  Banner none\n")], fact, &number(0));
    check(
        &[main(
            "match user ada\n  PERMITROOTLOGIN yes\n  PasswordAuthentication=yes\nMatch all\nX11Forwarding no\n",
        )],
        fact,
        &number(2),
    );
    let include = "Include /etc/ssh/sshd_config.d/*.conf\nX11Forwarding yes\n";
    let drop_in = ("/etc/ssh/sshd_config.d/a.conf", "Match Group staff\nPasswordAuthentication yes\n");
    let not_one = ("/etc/ssh/sshd_config.d/b.conf.bak", "Match Group staff\nPasswordAuthentication yes\n");
    check(&[main(include), drop_in, not_one], fact, &number(1));
    check(&[main("Include sshd_config\n")], fact, &Err(Absence::Malformed));
    check(&[main("Include /etc/*/x.conf\n")], fact, &Err(Absence::Unsupported));
}
