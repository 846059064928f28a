# A clinic's server before Suture comes: what it serves, where its data lies, who looks after its time. Run once, as root, in the lab's machine.
hostnamectl set-hostname clinic 2>/dev/null || hostname clinic

# A container has no disk, clock and kernel of its own: what needs one is left out there.
if [ -b /dev/vdb ]; then own=yes; else own=no; fi

# Data on a disk of its own, records on an encrypted one.
mkdir -p /srv/data /srv/vault /etc/lab
if [ $own = yes ]; then
  mkfs.ext4 -q -F -N 20000 /dev/vdb
  echo '/dev/vdb /srv/data ext4 defaults,nofail 0 2' >>/etc/fstab
  head -c 32 /dev/urandom >/etc/lab/vault.key
  chmod 400 /etc/lab/vault.key
  modprobe dm-crypt
  cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file /etc/lab/vault.key /dev/vdc
  cryptsetup open --key-file /etc/lab/vault.key /dev/vdc vault
  mkfs.ext4 -q -F /dev/mapper/vault
  echo 'vault /dev/vdc /etc/lab/vault.key luks,nofail' >/etc/crypttab
  echo '/dev/mapper/vault /srv/vault ext4 defaults,nofail 0 2' >>/etc/fstab
  systemctl daemon-reload
  mount /srv/data
  mount /srv/vault
fi

# Time from the lab's server.
cat >/etc/chrony/chrony.conf <<END
server 10.0.2.2 port 123 iburst minpoll 2 maxpoll 4
makestep 0.5 -1
driftfile /var/lib/chrony/chrony.drift
rtcsync
END
if [ $own = yes ]; then systemctl restart chrony; fi

# The packet filter: what is served comes in, nothing else.
cat >/etc/nftables.conf <<'END'
#!/usr/sbin/nft -f
flush ruleset
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    iif "lo" accept
    ct state established,related accept
    tcp dport { 22, 80, 443 } accept
    icmp type echo-request accept
    meta l4proto ipv6-icmp accept
  }
  chain forward { type filter hook forward priority filter; policy drop; }
  chain output { type filter hook output priority filter; policy accept; }
}
END
systemctl enable --now nftables

# Certificates of an authority of the clinic's own, until another issues them.
mkdir -p /var/lib/acme/site /etc/lab/ca
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=Clinic test authority' \
  -keyout /etc/lab/ca/key.pem -out /etc/lab/ca/cert.pem 2>/dev/null
cp /etc/lab/ca/cert.pem /usr/local/share/ca-certificates/clinic.crt
update-ca-certificates >/dev/null 2>&1
cat >/usr/local/sbin/renew-site <<'END'
#!/bin/sh
# Asks the clinic's own authority for another certificate, for so many days.
set -eu
days=${1-90}
cd /var/lib/acme/site
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=clinic.example -keyout key.new -out /run/site.csr 2>/dev/null
printf 'subjectAltName=DNS:clinic.example\nbasicConstraints=CA:FALSE\n' >/run/site.ext
openssl x509 -req -in /run/site.csr -CA /etc/lab/ca/cert.pem -CAkey /etc/lab/ca/key.pem -CAcreateserial -days "$days" -extfile /run/site.ext -out leaf.new 2>/dev/null
cat leaf.new /etc/lab/ca/cert.pem >chain.new
chmod 600 key.new
mv key.new key.pem
mv chain.new fullchain.pem
rm -f leaf.new
END
chmod 755 /usr/local/sbin/renew-site
renew-site 90

# Where there is one: an ACME server, which makes itself another root at each start; and the clinic's ACME client, whose unit renews what the web server serves.
mkdir -p /etc/lab/pebble /var/lib/acme/uacme
sed 's#CN=clinic.example#CN=localhost#; s#DNS:clinic.example#DNS:localhost#; s#^cd .*#cd /etc/lab/pebble#' /usr/local/sbin/renew-site >/run/certify-pebble
sh /run/certify-pebble 3650
cat >/etc/lab/pebble/config.json <<'END'
{"pebble": {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000", "httpPort": 80, "tlsPort": 443,
  "certificate": "/etc/lab/pebble/fullchain.pem", "privateKey": "/etc/lab/pebble/key.pem"}}
END
cp /etc/ssl/certs/ca-certificates.crt /etc/lab/roots.pem
cat >/usr/local/sbin/trust-pebble <<'END'
#!/bin/sh
# The machine trusts the root that the server has made itself.
set -eu
root=/etc/lab/pebble/root.pem
rm -f $root
for _ in $(seq 300); do if curl -fsS --cacert /etc/lab/ca/cert.pem -o $root https://localhost:15000/roots/0 2>/dev/null; then break; fi; sleep 0.2; done
cat /etc/lab/roots.pem $root >/etc/ssl/certs/ca-certificates.new
mv /etc/ssl/certs/ca-certificates.new /etc/ssl/certs/ca-certificates.crt
END
cat >/usr/local/sbin/renew-by-acme <<'END'
#!/bin/sh
# Has the site's certificate issued by the ACME server (RFC 8555, http-01), and puts it where the web server reads it.
set -eu
export UACME_CHALLENGE_PATH=/var/www/html/.well-known/acme-challenge
mkdir -p $UACME_CHALLENGE_PATH
acme() { uacme -y -c /var/lib/acme/uacme -a https://localhost:14000/dir -h /usr/share/uacme/uacme.sh "$@"; }
# Where nobody answers, uacme would try for a quarter of a minute.
curl -fsS -o /dev/null https://localhost:14000/dir
# The server forgets its accounts when it ends; one that is still there is no failure.
acme new it@clinic.example || true
acme -f -t EC issue clinic.example
cd /var/lib/acme/site
install -m 600 /var/lib/acme/uacme/private/clinic.example/key.pem key.new
cp /var/lib/acme/uacme/clinic.example/cert.pem chain.new
mv key.new key.pem
mv chain.new fullchain.pem
END
chmod 755 /usr/local/sbin/trust-pebble /usr/local/sbin/renew-by-acme
printf '%s\n' '[Unit]' 'Description=An ACME server' '[Service]' Environment=PEBBLE_VA_NOSLEEP=1 Environment=PEBBLE_WFE_NONCEREJECT=0 \
  'ExecStart=/usr/bin/pebble -config /etc/lab/pebble/config.json' ExecStartPost=/usr/local/sbin/trust-pebble '[Install]' WantedBy=multi-user.target >/etc/systemd/system/pebble.service
printf '%s\n' '[Unit]' 'Description=Renew the site certificate' '[Service]' Type=oneshot ExecStart=/usr/local/sbin/renew-by-acme >/etc/systemd/system/acme-site.service
echo '127.0.0.1 clinic.example' >>/etc/hosts
cat >/etc/nginx/sites-available/default <<'END'
server {
  listen 80 default_server;
  listen 443 ssl default_server;
  ssl_certificate /var/lib/acme/site/fullchain.pem;
  ssl_certificate_key /var/lib/acme/site/key.pem;
  root /var/www/html;
  index index.nginx-debian.html;
}
END
systemctl daemon-reload
if command -v pebble >/dev/null; then
  systemctl enable --now pebble
else
  sed -i 's#/renew-by-acme$#/renew-site#' /etc/systemd/system/acme-site.service
  systemctl daemon-reload
fi
systemctl restart nginx
systemctl start acme-site
systemctl reload nginx

# The database, with something in it.
systemctl enable --now postgresql
for _ in $(seq 60); do if runuser -u postgres -- psql -qc 'select 1' >/dev/null 2>&1; then break; fi; sleep 1; done
runuser -u postgres -- psql -qc 'create table visits (id serial, at timestamptz default now())' -c 'insert into visits select from generate_series(1, 1000)'

# An administrator, and what a clinic's accounts and logs are held to.
useradd -m -s /bin/bash -G sudo tess
install -d -m 700 -o tess -g tess /home/tess/.ssh
ssh-keygen -q -t ed25519 -N '' -C tess -f /var/lab/tess
install -m 600 -o tess -g tess /var/lab/tess.pub /home/tess/.ssh/authorized_keys
sed -i 's/^UMASK.*/UMASK 027/; s/^PASS_MAX_DAYS.*/PASS_MAX_DAYS 365/' /etc/login.defs
usermod -s /usr/sbin/nologin postgres
if [ $own = yes ]; then sed -i 's/^max_log_file_action.*/max_log_file_action = keep_logs/' /etc/audit/auditd.conf; fi
mkdir -p /etc/security/pwquality.conf.d
printf 'deny = 5\nunlock_time = 600\n' >>/etc/security/faillock.conf
printf '%s\n' 'Name: lock out' 'Default: yes' 'Priority: 1024' 'Auth-Type: Primary' 'Auth:' '  [default=die] pam_faillock.so authfail' >/usr/share/pam-configs/lockout
printf '%s\n' 'Name: lock out, before' 'Default: yes' 'Priority: 2048' 'Auth-Type: Primary' 'Auth:' '  requisite pam_faillock.so preauth' \
  'Account-Type: Primary' 'Account:' '  required pam_faillock.so' >/usr/share/pam-configs/lockout-before
pam-auth-update --package --enable lockout lockout-before
chmod 700 /home/tess
# The clinic is in order before Suture comes: what is repaired later was broken later.
cat >/etc/sysctl.d/60-clinic.conf <<'END'
kernel.randomize_va_space = 2
kernel.dmesg_restrict = 1
kernel.kptr_restrict = 1
kernel.yama.ptrace_scope = 1
kernel.unprivileged_bpf_disabled = 2
fs.suid_dumpable = 0
fs.protected_symlinks = 1
fs.protected_hardlinks = 1
net.ipv4.tcp_syncookies = 1
net.ipv4.conf.all.accept_source_route = 0
net.ipv4.conf.all.accept_redirects = 0
net.ipv6.conf.all.accept_redirects = 0
END
cat >/etc/ssh/sshd_config.d/50-clinic.conf <<'END'
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitEmptyPasswords no
HostbasedAuthentication no
PermitUserEnvironment no
MaxAuthTries 4
LoginGraceTime 60
ClientAliveInterval 300
ClientAliveCountMax 3
X11Forwarding no
LogLevel VERBOSE
ChannelTimeout session:*=15m
Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes256-ctr
MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com
KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256
END
systemctl restart ssh
printf '%s\n' 'Defaults use_pty' 'Defaults syslog=authpriv' 'Defaults timestamp_timeout=15' >/etc/sudoers.d/00-clinic
chmod 440 /etc/sudoers.d/00-clinic
printf '%s\n' TMOUT=900 'readonly TMOUT' 'export TMOUT' >/etc/profile.d/clinic-timeout.sh
echo 'minlen = 12' >/etc/security/pwquality.conf.d/clinic.conf
mkdir -p /etc/audit/rules.d
cat >/etc/audit/rules.d/10-clinic.rules <<'END'
-w /etc/passwd -p wa -k accounts
-w /etc/shadow -p wa -k accounts
-w /etc/sudoers -p wa -k sudo
-w /etc/ssh/ -p wa -k ssh
END
sysctl -q -p /etc/sysctl.d/60-clinic.conf || [ $own = no ]
mkdir -p /etc/systemd/journald.conf.d
printf '%s\n' '[Journal]' Storage=persistent SystemMaxUse=1200M MaxRetentionSec=0 >/etc/systemd/journald.conf.d/clinic.conf
systemctl restart systemd-journald
# Backups: the clinic's files, its settings and its records, to the encrypted disk; each night by a timer, tested by restoring.
mkdir -p /etc/restic /var/backups/site /var/lib/restic
head -c 24 /dev/urandom | base64 >/etc/restic/password
printf '%s\n' RESTIC_REPOSITORY=/srv/vault/restic RESTIC_PASSWORD_FILE=/etc/restic/password >/etc/restic/site.env
chmod 600 /etc/restic/password /etc/restic/site.env
cat >/usr/local/sbin/back-up-site <<'END'
#!/bin/sh
# Dumps the records, keeps them with the settings, and says when it has ended well.
set -eu
runuser -u postgres -- pg_dump -Fc postgres >/var/backups/site/records.dump.new
mv /var/backups/site/records.dump.new /var/backups/site/records.dump
restic --quiet backup /etc /var/backups/site
touch /var/lib/restic/site-backed-up
END
chmod 755 /usr/local/sbin/back-up-site
printf '%s\n' '[Unit]' 'Description=Back up the site' '[Service]' Type=oneshot EnvironmentFile=/etc/restic/site.env Environment=RESTIC_CACHE_DIR=/var/cache/restic ExecStart=/usr/local/sbin/back-up-site \
  >/etc/systemd/system/restic-backups-site.service
systemctl daemon-reload
(set -a; . /etc/restic/site.env; restic --quiet init)
systemctl start restic-backups-site.service
touch /var/lib/restic/site-restore-tested

# Updates come by themselves, and their lists are fresh.
printf '%s\n' 'APT::Periodic::Update-Package-Lists "1";' 'APT::Periodic::Unattended-Upgrade "1";' >/etc/apt/apt.conf.d/20auto-upgrades
mkdir -p /var/lib/apt/periodic
touch /var/lib/apt/periodic/update-success-stamp

# Debian 12's auditd cannot be restarted by systemctl.
service auditd restart || true
