# Written by e2e/nix/baseline.py from baseline/hipaa-v1.yaml. Not by hand.
#
# Not declared here:
# - boot.initrd.luks.devices.data.device: the disks of each machine have names of their own
# - boot.initrd.luks.devices.root.device: the disks of each machine have names of their own
# - nix.gc.automatic: what may be collected is for whoever keeps generations
# - security.acme.acceptTerms: whoever orders certificates accepts terms
# - security.acme.defaults.keyType: whoever orders certificates accepts terms
# - services.nginx.enable: not every machine serves pages
# - services.openssh.enable: not every machine is to be reached
# - services.postgresql.enable: not every machine keeps a database
# - services.timesyncd.enable: chrony keeps the time, and NixOS has one of them only
# - swapDevices.*.randomEncryption.enable: the disks of each machine have names of their own
# - system.autoUpgrade.allowReboot: when to rebuild, and whether to restart, is for a person
# - system.autoUpgrade.enable: when to rebuild, and whether to restart, is for a person
# - users.mutableUsers: where no user is declared with a key nobody could get in any more
{ lib, options }:
let
  inherit (lib) mkDefault;
  # An option that this release does not have is left out: the control is then a person's.
  there = path: setting: lib.optionalAttrs (lib.hasAttrByPath path options) setting;
in
[
  # ssh.root-login
  (there [ "services" "openssh" "settings" ] {
    services.openssh.settings.PermitRootLogin = mkDefault "no";
  })
  # ssh.password-authentication
  (there [ "services" "openssh" "settings" ] {
    services.openssh.settings.PasswordAuthentication = mkDefault false;
  })
  # ssh.keyboard-interactive
  (there [ "services" "openssh" "settings" ] {
    services.openssh.settings.KbdInteractiveAuthentication = mkDefault false;
  })
  # ssh.empty-passwords
  (there [ "services" "openssh" "settings" ] {
    services.openssh.settings.PermitEmptyPasswords = mkDefault false;
  })
  # ssh.host-based-authentication
  (there [ "services" "openssh" "settings" ] {
    services.openssh.settings.HostbasedAuthentication = mkDefault false;
  })
  # ssh.user-environment
  (there [ "services" "openssh" "settings" ] {
    services.openssh.settings.PermitUserEnvironment = mkDefault false;
  })
  # ssh.max-auth-tries
  (there [ "services" "openssh" "settings" ] {
    services.openssh.settings.MaxAuthTries = mkDefault 4;
  })
  # ssh.login-grace-time
  (there [ "services" "openssh" "settings" ] {
    services.openssh.settings.LoginGraceTime = mkDefault 60;
  })
  # ssh.idle-session
  (there [ "services" "openssh" "settings" ] {
    services.openssh.settings.ChannelTimeout = mkDefault "session:*=15m";
  })
  # ssh.unresponsive-clients
  (there [ "services" "openssh" "settings" ] {
    services.openssh.settings.ClientAliveInterval = mkDefault 300;
  })
  # ssh.weak-ciphers
  (there [ "services" "openssh" "settings" ] {
    services.openssh.settings.Ciphers = mkDefault [
      "chacha20-poly1305@openssh.com"
      "aes256-gcm@openssh.com"
      "aes128-gcm@openssh.com"
    ];
  })
  # ssh.weak-macs
  (there [ "services" "openssh" "settings" ] {
    services.openssh.settings.Macs = mkDefault [
      "hmac-sha2-512-etm@openssh.com"
      "hmac-sha2-256-etm@openssh.com"
    ];
  })
  # ssh.weak-key-exchange
  (there [ "services" "openssh" "settings" ] {
    services.openssh.settings.KexAlgorithms = mkDefault [
      "sntrup761x25519-sha512@openssh.com"
      "curve25519-sha256"
    ];
  })
  # ssh.x11-forwarding
  (there [ "services" "openssh" "settings" ] {
    services.openssh.settings.X11Forwarding = mkDefault false;
  })
  # ssh.log-level
  (there [ "services" "openssh" "settings" ] {
    services.openssh.settings.LogLevel = mkDefault "VERBOSE";
  })
  # accounts.weak-password-hashes
  (there [ "security" "loginDefs" "settings" ] {
    security.loginDefs.settings.ENCRYPT_METHOD = mkDefault "YESCRYPT";
  })
  # accounts.password-hash-method
  (there [ "security" "loginDefs" "settings" ] {
    security.loginDefs.settings.ENCRYPT_METHOD = mkDefault "YESCRYPT";
  })
  # accounts.password-max-days
  (there [ "security" "loginDefs" "settings" ] {
    security.loginDefs.settings.PASS_MAX_DAYS = mkDefault 365;
  })
  # accounts.shell-timeout
  (there [ "environment" "interactiveShellInit" ] {
    environment.interactiveShellInit = "readonly TMOUT=900";
  })
  # accounts.umask
  (there [ "security" "loginDefs" "settings" ] {
    security.loginDefs.settings.UMASK = mkDefault "077";
  })
  # sudo.no-password
  (there [ "security" "sudo" "wheelNeedsPassword" ] {
    security.sudo.wheelNeedsPassword = mkDefault true;
  })
  # sudo.terminal
  (there [ "security" "sudo" "extraConfig" ] { security.sudo.extraConfig = "Defaults use_pty"; })
  # sudo.timeout
  (there [ "security" "sudo" "extraConfig" ] {
    security.sudo.extraConfig = "Defaults timestamp_timeout=15";
  })
  # time.offset
  (there [ "services" "chrony" "enable" ] { services.chrony.enable = mkDefault true; })
  # firewall.inbound
  (there [ "networking" "firewall" "enable" ] { networking.firewall.enable = mkDefault true; })
  # audit.enabled
  (there [ "security" "audit" "enable" ] { security.audit.enable = mkDefault true; })
  # audit.rules
  (there [ "security" "audit" "rules" ] {
    security.audit.rules = [ "-w /etc/passwd -p wa -k accounts" ];
  })
  # audit.retention
  (there [ "security" "auditd" "settings" ] {
    security.auditd.settings.max_log_file_action = mkDefault "keep_logs";
  })
  # journal.persistent
  (there [ "services" "journald" "storage" ] { services.journald.storage = mkDefault "persistent"; })
  # journal.retention
  (there [ "services" "journald" "extraConfig" ] {
    services.journald.extraConfig = "MaxRetentionSec=7year";
  })
  # journal.size
  (there [ "services" "journald" "extraConfig" ] {
    services.journald.extraConfig = "SystemMaxUse=4G";
  })
  # kernel.address-randomisation
  (there [ "boot" "kernel" "sysctl" ] {
    boot.kernel.sysctl."kernel.randomize_va_space" = mkDefault 2;
  })
  # kernel.pointer-addresses
  (there [ "boot" "kernel" "sysctl" ] { boot.kernel.sysctl."kernel.kptr_restrict" = mkDefault 2; })
  # kernel.messages
  (there [ "boot" "kernel" "sysctl" ] { boot.kernel.sysctl."kernel.dmesg_restrict" = mkDefault 1; })
  # kernel.tracing
  (there [ "boot" "kernel" "sysctl" ] {
    boot.kernel.sysctl."kernel.yama.ptrace_scope" = mkDefault 1;
  })
  # kernel.unprivileged-bpf
  (there [ "boot" "kernel" "sysctl" ] {
    boot.kernel.sysctl."kernel.unprivileged_bpf_disabled" = mkDefault 1;
  })
  # kernel.core-dumps
  (there [ "boot" "kernel" "sysctl" ] { boot.kernel.sysctl."fs.suid_dumpable" = mkDefault 0; })
  # kernel.protected-symlinks
  (there [ "boot" "kernel" "sysctl" ] { boot.kernel.sysctl."fs.protected_symlinks" = mkDefault 1; })
  # kernel.protected-hardlinks
  (there [ "boot" "kernel" "sysctl" ] { boot.kernel.sysctl."fs.protected_hardlinks" = mkDefault 1; })
  # kernel.syn-cookies
  (there [ "boot" "kernel" "sysctl" ] { boot.kernel.sysctl."net.ipv4.tcp_syncookies" = mkDefault 1; })
  # kernel.source-routing
  (there [ "boot" "kernel" "sysctl" ] {
    boot.kernel.sysctl."net.ipv4.conf.all.accept_source_route" = mkDefault 0;
  })
  # kernel.redirects
  (there [ "boot" "kernel" "sysctl" ] {
    boot.kernel.sysctl."net.ipv4.conf.all.accept_redirects" = mkDefault 0;
  })
  # kernel.redirects-ipv6
  (there [ "boot" "kernel" "sysctl" ] {
    boot.kernel.sysctl."net.ipv6.conf.all.accept_redirects" = mkDefault 0;
  })
  # services.audit
  (there [ "security" "auditd" "enable" ] { security.auditd.enable = mkDefault true; })
  # services.clock
  (there [ "services" "chrony" "enable" ] { services.chrony.enable = mkDefault true; })
  # services.firewall
  (there [ "networking" "nftables" "enable" ] { networking.nftables.enable = mkDefault true; })
  # nixos.store-read-only
  (there [ "boot" "nixStoreMountOpts" ] {
    boot.nixStoreMountOpts = [
      "ro"
      "nodev"
      "nosuid"
    ];
  })
]
