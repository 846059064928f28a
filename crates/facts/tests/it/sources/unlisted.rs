//! What a host has, held against what was signed that it may have.

use std::os::unix::ffi::OsStrExt as _;

use contract::allowlist::{Allowlist, Fingerprint};
use contract::fact::Absence;

use crate::tree::{Tree, number, ports};

const FACTS: [&str; 4] = [
    "listening:unlisted_ports",
    "path:unlisted_setuid_files",
    "accounts:unlisted_administrators",
    "accounts:unlisted_ssh_keys",
];
const HEADER: &str = "  sl  local_address rem_address   st\n";
/// Of the key of no words at all, as `ssh-keygen -l` prints it.
const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A machine with two of each kind.
fn machine() -> Tree {
    let tcp = format!("{HEADER}   0: 00000000:0016 00000000:0000 0A\n   1: 00000000:1F90 00000000:0000 0A\n");
    let udp = format!("{HEADER}   0: 00000000:0044 00000000:0000 07\n");
    let passwd = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nben:x:1001:27::/home/ben:/bin/sh\n\
                  toor:x:0:0::/root:/bin/sh\neve:x:1002:1002::/home/eve:/bin/sh\n";
    Tree::new()
        .file("/proc/net/tcp", &tcp)
        .file("/proc/net/udp", &udp)
        .file("/etc/passwd", passwd)
        .file("/etc/group", "sudo:x:27:ann\nusers:x:100:eve\n")
        .file("/home/ann/.ssh/authorized_keys", &format!("# mine\nno-pty ssh-ed25519 {KEY} ann\n"))
        .file("/etc/ssh/authorized_keys.d/gone", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB\n")
        .file("/usr/bin/su", "")
        .mode("/usr/bin/su", 0o4755)
        .file("/opt/x/bin/y", "")
        .mode("/opt/x/bin/y", 0o2755)
        .file("/usr/bin/ls", "")
        .mode("/usr/bin/ls", 0o755)
        .file("/tmp/locked", "")
        .mode("/tmp/locked", 0o2644)
}

fn allowing(text: &str) -> Tree {
    let mut tree = machine();
    tree.config.allowed = Ok(Allowlist::parse("a.yaml", text).unwrap());
    tree
}

#[test]
fn without_a_list_nothing_is_judged() {
    for absence in [Absence::NotDeclared, Absence::Unreadable] {
        let mut tree = machine();
        tree.config.allowed = Err(absence);
        for fact in FACTS {
            assert_eq!(tree.read(fact), Err(absence), "{fact}");
        }
    }
    // A list of one kind says nothing of the others.
    let tree = allowing("administrators: [ann, ben, toor]\n");
    assert_eq!(tree.read(FACTS[2]), number(0));
    for fact in [FACTS[0], FACTS[1], FACTS[3]] {
        assert_eq!(tree.read(fact), Err(Absence::NotDeclared), "{fact}");
    }
}

#[test]
fn what_is_not_on_the_list_is_counted() {
    let none = allowing("listening: { tcp: [], udp: [] }\nsetuid: []\nadministrators: []\nssh_keys: []\n");
    assert_eq!(none.read(FACTS[0]), ports(&[22, 68, 8080]));
    assert_eq!(none.read(FACTS[1]), number(2), "a mark for locking raises nobody");
    assert_eq!(none.read(FACTS[2]), number(3), "by group, by first group, by number; root itself is none");
    assert_eq!(none.read(FACTS[3]), number(2));
    let some = allowing(&format!(
        "listening: {{ tcp: [22], udp: [68] }}\nsetuid: [/usr/bin/su]\nadministrators: [ann, ben]\nssh_keys: ['{}']\n",
        fingerprint()
    ));
    assert_eq!(some.read(FACTS[0]), ports(&[8080]));
    assert_eq!(
        [some.read(FACTS[1]), some.read(FACTS[2]), some.read(FACTS[3])],
        [number(1), number(1), number(1)]
    );
}

#[test]
fn a_rule_of_sudos_that_allows_anything_makes_an_administrator() {
    let one = |rules: &str| {
        let tree = allowing("administrators: [ann, ben, toor]\n").file("/etc/sudoers", rules);
        tree.read(FACTS[2])
    };
    assert_eq!(one("Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) ALL\n"), number(0));
    for rule in [
        "eve ALL=(ALL) ALL",
        "eve ALL = NOPASSWD:ALL",
        "ann, eve h1=(root) /bin/x, ALL",
        "eve a=/bin/x : b=ALL",
    ] {
        assert_eq!(one(rule), number(1), "{rule}");
    }
    assert_eq!(one("%users ALL=(ALL:ALL) ALL\n"), number(1), "a group that is usually nobody's");
    assert_eq!(one("eve ALL=(root) /bin/bash\n"), number(1), "a shell is as good as everything");
    assert_eq!(one("dir-admin ALL=(ALL) ALL\n"), number(1), "an account that is kept elsewhere");
    assert_eq!(one("eve ALL,x_Alias = ALL\n"), number(1), "hosts in a list, and no alias");
    assert_eq!(one("eve ALL=(ALL) /usr/bin/rsync, sudoedit /etc/motd\n"), number(0), "named commands alone");
    for unknown in [
        "User_Alias ADM1 = eve\nADM1 ALL=(ALL) ALL",
        "Cmnd_Alias X = ALL\neve ALL=(ALL) X",
        "ADMINS ALL=(ALL) ALL",
        "ALL ALL=(ALL) ALL",
        "+staff ALL=ALL",
        "#1002 ALL=ALL",
        "%#100 ALL=ALL",
        "%:dom ALL=ALL",
    ] {
        assert_eq!(one(unknown), Err(Absence::Unsupported), "{unknown}");
    }
    let tree = allowing("administrators: [ann, ben, toor]\n");
    let tree = tree.file("/etc/sudoers", "eve ALL=(ALL) ALL\n@include /etc/none\n");
    assert_eq!(tree.read(FACTS[2]), Err(Absence::Unreadable), "what is included is not there");
    let tree = allowing("administrators: [ann, ben, toor]\n");
    let tree = tree.file("/etc/sudoers", "@includedir /etc/sudoers.d\n").directory("/etc/sudoers.d");
    let no_text = tree.path("/etc/sudoers.d").join(std::ffi::OsStr::from_bytes(b"\xff"));
    std::fs::write(no_text, "eve ALL=(ALL) ALL\n").unwrap();
    assert_eq!(tree.read(FACTS[2]), Err(Absence::Malformed), "a name that is no text");
    let tree = allowing("administrators: [ann, ben, toor]\n");
    let tree = tree
        .file("/etc/sudoers", "@includedir /etc/sudoers.d\n")
        .file("/etc/sudoers.d/eve", "eve ALL=(ALL) ALL\n");
    assert_eq!(tree.read(FACTS[2]), number(1));
}

#[test]
fn keys_are_not_judged_where_sshd_takes_them_from_elsewhere() {
    let one = |config: &str| {
        let tree = allowing(&format!("ssh_keys: ['{}']\n", fingerprint()));
        tree.file("/etc/ssh/sshd_config", config).read(FACTS[3])
    };
    for known in [
        "PermitRootLogin no\n",
        "AuthorizedKeysFile %h/.ssh/authorized_keys /etc/ssh/authorized_keys.d/%u\nAuthorizedKeysCommand none\n",
        "Include /etc/ssh/sshd_config.d/*.conf\nauthorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2\n",
    ] {
        assert_eq!(one(known), number(1), "{known}");
    }
    for elsewhere in [
        "AuthorizedKeysFile /var/keys/%u\n",
        "Match User eve\n  AuthorizedKeysFile /home/eve/keys\n",
        "AuthorizedKeysCommand /usr/bin/keys %u\n",
        "TrustedUserCAKeys=/etc/ssh/ca.pub\n",
        "Include /home/eve/sshd.conf\n",
        "Include sshd_config.d/x.txt\n",
        "Include /etc/ssh/sshd_config.d/../evil\n",
        "AuthorizedKeysFile .ssh/authorized_keys#b\n",
    ] {
        assert_eq!(one(elsewhere), Err(Absence::Unsupported), "{elsewhere}");
    }
    let tree = allowing("ssh_keys: []\n").file("/etc/ssh/sshd_config.d/x.conf", "AuthorizedKeysFile /keys\n");
    assert_eq!(tree.read(FACTS[3]), Err(Absence::Unsupported));
}

#[test]
fn a_program_that_is_listed_and_cannot_be_looked_at_is_no_pass() {
    // A thread of its own, which may not do what root may. Whatever it starts may not, either.
    let looked = std::thread::spawn(|| {
        let nobody = rustix::thread::Uid::from_raw(65_534);
        if rustix::process::geteuid().is_root() {
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        }
        let tree = allowing("setuid: [/usr/bin/su]\n").mode("/opt/x/bin", 0o444);
        let seen = tree.read(FACTS[1]);
        drop(tree.mode("/opt/x/bin", 0o755));
        seen
    });
    assert_eq!(looked.join().unwrap(), Err(Absence::NeedsRoot));
}

#[test]
fn what_looks_like_an_allowed_key_within_options_is_none() {
    let one = |line: &str| {
        let tree = allowing(&format!("ssh_keys: ['{}']\n", fingerprint()));
        let tree = tree.file("/etc/ssh/authorized_keys.d/gone", "");
        tree.file("/home/eve/.ssh/authorized_keys", line).read(FACTS[3])
    };
    let evil = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQAC";
    assert_eq!(one(&format!("command=\"sh -c {KEY} x\" {evil}\n")), number(1));
    assert_eq!(one(&format!("command=\"a \\\" {KEY} b # c\",no-pty {evil} ssh-ed25519 {KEY}\n")), number(1));
    assert_eq!(one(&format!("no-pty,command=\"a b\" ssh-ed25519 {KEY} eve\n")), number(0));
    assert_eq!(one(&format!("cert-authority ssh-ed25519 {KEY}\n")), Err(Absence::Unsupported));
    assert_eq!(one(&format!("ssh-rsa {KEY}\n")), Err(Absence::Malformed), "another kind than it says");
    assert_eq!(one(&format!("command=\"never ends {KEY}\n")), Err(Absence::Malformed));
}

#[test]
fn a_key_that_cannot_be_read_is_no_key_that_is_allowed() {
    let tree = allowing("ssh_keys: []\n").file("/home/eve/.ssh/authorized_keys", "ssh-ed25519 nonsense\n");
    assert_eq!(tree.read(FACTS[3]), Err(Absence::Malformed));
}

/// As `ssh-keygen -lf` prints it for [`KEY`].
fn fingerprint() -> &'static str {
    "SHA256:kmYcvdi2GkPeWxB6XLjrZB8JHsy2Hm8luHMFp9GMvqk"
}

#[test]
fn a_fingerprint_is_the_one_that_ssh_keygen_prints() {
    assert!(Fingerprint::try_from(fingerprint().to_owned()).is_ok());
    assert!(Fingerprint::try_from("SHA256:short".to_owned()).is_err());
}
