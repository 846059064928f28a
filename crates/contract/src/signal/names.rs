//! The names that may leave a machine as they are: everybody knows them, so they tell nothing about anybody. In order, for the search.

/// Units that distributions ship, without their instances.
pub(super) const UNITS: &[&str] = &[
    "acme-site.service",
    "anacron.service",
    "apache2.service",
    "apparmor.service",
    "apt-daily-upgrade.service",
    "apt-daily.service",
    "auditd.service",
    "avahi-daemon.service",
    "bluetooth.service",
    "borgbackup-job-site.service",
    "borgmatic.service",
    "caddy.service",
    "certbot.service",
    "chrony.service",
    "chronyd.service",
    "clamav-daemon.service",
    "clamav-freshclam.service",
    "colord.service",
    "containerd.service",
    "cron.service",
    "crond.service",
    "cups.service",
    "dbus-broker.service",
    "dbus.service",
    "display-manager.service",
    "dnsmasq.service",
    "docker.service",
    "dovecot.service",
    "exim4.service",
    "fail2ban.service",
    "firewall.service",
    "firewalld.service",
    "fstrim.service",
    "fwupd.service",
    "gdm.service",
    "getty@.service",
    "grafana.service",
    "haproxy.service",
    "httpd.service",
    "libvirtd.service",
    "lightdm.service",
    "logrotate.service",
    "man-db.service",
    "mariadb.service",
    "mdmonitor.service",
    "memcached.service",
    "mongod.service",
    "mysql.service",
    "netdata.service",
    "networkmanager.service",
    "nfs-server.service",
    "nftables.service",
    "nginx.service",
    "nix-daemon.service",
    "nix-gc.service",
    "nixos-upgrade.service",
    "nscd.service",
    "ntp.service",
    "ntpd.service",
    "orthanc.service",
    "packagekit.service",
    "php-fpm.service",
    "podman.service",
    "polkit.service",
    "postfix.service",
    "postgresql.service",
    "postgresql@.service",
    "prometheus-node-exporter.service",
    "prometheus.service",
    "rabbitmq-server.service",
    "redis-server.service",
    "redis.service",
    "restic-backups-site.service",
    "rpcbind.service",
    "rsyslog.service",
    "samba-ad-dc.service",
    "serial-getty@.service",
    "smartd.service",
    "smartmontools.service",
    "smbd.service",
    "snapd.service",
    "squid.service",
    "ssh.service",
    "ssh@.service",
    "sshd.service",
    "sshd@.service",
    "sssd.service",
    "suture-agent.service",
    "suture-executor.service",
    "syslog.service",
    "systemd-coredump@.service",
    "systemd-fsck@.service",
    "systemd-journald.service",
    "systemd-logind.service",
    "systemd-modules-load.service",
    "systemd-networkd-wait-online.service",
    "systemd-networkd.service",
    "systemd-oomd.service",
    "systemd-resolved.service",
    "systemd-sysctl.service",
    "systemd-timesyncd.service",
    "systemd-tmpfiles-clean.service",
    "systemd-tmpfiles-setup.service",
    "systemd-udevd.service",
    "systemd-user-sessions.service",
    "tailscaled.service",
    "tomcat.service",
    "udisks2.service",
    "ufw.service",
    "unattended-upgrades.service",
    "unbound.service",
    "user@.service",
    "vsftpd.service",
    "wg-quick@.service",
    "winbind.service",
    "wpa_supplicant.service",
    "zfs-import-cache.service",
    "zfs-mount.service",
];

/// Where file systems usually are.
pub(super) const MOUNTS: &[&str] = &[
    "/",
    "/backup",
    "/boot",
    "/boot/efi",
    "/data",
    "/etc",
    "/home",
    "/media",
    "/mnt",
    "/nix",
    "/nix/store",
    "/opt",
    "/root",
    "/run",
    "/srv",
    "/swap",
    "/tmp",
    "/usr",
    "/var",
    "/var/backups",
    "/var/cache",
    "/var/lib",
    "/var/lib/docker",
    "/var/lib/postgresql",
    "/var/log",
    "/var/tmp",
];

/// `name` as it stands in `set`: of a unit its instance does not count.
pub(super) fn known(set: &'static [&'static str], name: &[u8]) -> Option<&'static str> {
    let name = str::from_utf8(name).ok()?;
    let template = match name.split_once('@') {
        Some((stem, rest)) => Some(format!("{stem}@.{}", rest.rsplit_once('.')?.1)),
        None => None,
    };
    let wanted = template.as_deref().unwrap_or(name);
    set.binary_search(&wanted).ok().map(|n| set[n])
}

/// True for the names that the kernel gives to disks, partitions and what is made of them: a few letters of ours and a few digits, so that no
/// name and no number of a person fits.
pub(super) fn is_device(name: &[u8]) -> bool {
    let after = |prefix: &[u8]| name.strip_prefix(prefix);
    let numbered = |rest: &[u8]| (1..=3).contains(&rest.len()) && rest.iter().all(u8::is_ascii_digit);
    let optional = |rest: &[u8]| rest.is_empty() || numbered(rest);
    let scsi = [&b"sd"[..], b"vd", b"xvd", b"hd"].iter().filter_map(|p| after(p)).any(|rest| {
        let letters = rest.iter().take_while(|b| b.is_ascii_lowercase()).count();
        (1..=2).contains(&letters) && optional(&rest[letters..])
    });
    let single =
        [&b"dm-"[..], b"md", b"sr", b"loop", b"zram", b"ata"].iter().filter_map(|p| after(p)).any(numbered);
    let parts = |rest: &[u8], marks: &[u8]| {
        let mut marks = marks.iter();
        let mut digits = 0;
        let tidy = rest.iter().all(|b| match b {
            b if b.is_ascii_digit() => {
                digits += 1;
                digits <= 3
            }
            b => std::mem::take(&mut digits) > 0 && marks.next() == Some(b),
        });
        tidy && digits > 0
    };
    scsi || single
        || after(b"nvme").is_some_and(|rest| parts(rest, b"np"))
        || after(b"mmcblk").is_some_and(|rest| parts(rest, b"p"))
}
