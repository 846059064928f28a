# The appliance: a small machine on a clinic's shelf (Intel NUC) that nobody sits at. Its disk opens by its TPM, or by a
# passphrase from afar; people come in with a certificate or not at all; nothing is let out that is not listed.
{
  config,
  options,
  lib,
  ...
}:
let
  inherit (lib) mkDefault mkOption types;
  cfg = config.services.compliance-appliance;
  has = path: lib.hasAttrByPath path options;
in
{
  options.services.compliance-appliance = {
    sshAuthority = mkOption {
      type = types.nullOr types.singleLineStr;
      default = null;
      example = "ssh-ed25519 AAAA… msp-user-ca";
      description = "The authority whose SSH certificates let people in. No key that it did not sign does, and no password.";
    };
    sshFrom = mkOption {
      type = types.listOf (types.strMatching "[0-9.]+(/[0-9]{1,2})?");
      default = [ ];
      example = [ "10.20.0.0/24" ];
      description = "From which networks the SSH port can be reached; from none: the console alone.";
    };
    person = mkOption {
      type = types.strMatching "[a-z][a-z0-9-]*";
      default = "msp";
      example = "msp";
      description = "The account that certificates are for; its name is the principal that they must have.";
    };
    passwordFile = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/run/secrets/msp-password";
      description = "The hash of that account's password, for sudo and the console: a path at run time, never in the store.";
    };
    disk = mkOption {
      type = types.path;
      default = "/dev/disk/by-partlabel/root";
      example = "/dev/disk/by-partlabel/root";
      description = "The partition with LUKS2. Enrol the TPM once: systemd-cryptenroll --tpm2-device=auto --tpm2-pcrs=7 DISK.";
    };
    bootKeyFile = mkOption {
      type = types.path;
      default = "/etc/secrets/initrd/ssh_host_ed25519_key";
      example = "/etc/secrets/initrd/ssh_host_ed25519_key";
      description = "The host key by which the machine is reached before its disk is open: a path on the machine, never in the store. It lies on the unencrypted boot partition, so it is a key of its own.";
    };
    generations = mkOption {
      type = types.ints.between 2 100;
      default = 20;
      example = 40;
      description = "How many generations stay in the boot menu.";
    };
  };

  config = lib.mkMerge [
    {
      assertions = [
        {
          assertion = cfg.sshAuthority != null;
          message = "services.compliance-appliance.sshAuthority is not set, so nobody could come in from afar. Give the public key of the MSP's SSH user authority.";
        }
      ]
      ++ (import ./secrets.nix { inherit lib; }).assertions {
        "services.compliance-appliance.passwordFile" = cfg.passwordFile;
        "services.compliance-appliance.bootKeyFile" = cfg.bootKeyFile;
      };

      # Disk: opened by the TPM while the machine boots what it is to boot, or by a passphrase that is typed from afar.
      boot.loader.systemd-boot.enable = true;
      boot.loader.systemd-boot.configurationLimit = cfg.generations;
      boot.loader.efi.canTouchEfiVariables = true;
      boot.initrd.systemd.enable = true;
      boot.initrd.luks.devices.root = {
        device = cfg.disk;
        crypttabExtraOpts = [
          "tpm2-device=auto"
          "token-timeout=30s"
        ];
      };
      boot.initrd.availableKernelModules = [
        "e1000e"
        "igc"
        "nvme"
        "tpm_crb"
        "tpm_tis"
      ];
      boot.initrd.network.enable = true;
      boot.initrd.network.ssh = {
        enable = true;
        port = 2222;
        hostKeys = [ cfg.bootKeyFile ];
        authorizedKeys = lib.optional (
          cfg.sshAuthority != null
        ) ''cert-authority,principals="${cfg.person}-unlock" ${cfg.sshAuthority}'';
      };
      boot.initrd.systemd.network = {
        enable = true;
        networks."10-wired" = {
          matchConfig.Type = "ether";
          networkConfig.DHCP = "ipv4";
        };
      };
      fileSystems."/" = {
        device = mkDefault "/dev/mapper/root";
        fsType = mkDefault "ext4";
      };
      fileSystems."/boot" = {
        device = mkDefault "/dev/disk/by-partlabel/boot";
        fsType = mkDefault "vfat";
        options = [ "umask=0077" ];
      };
      security.tpm2.enable = true;

      # People: by certificate, from where is said, into one account.
      services.openssh = {
        enable = true;
        openFirewall = false;
        settings = {
          PasswordAuthentication = false;
          KbdInteractiveAuthentication = false;
          PermitRootLogin = "no";
          TrustedUserCAKeys = "/etc/ssh/user-authority.pub";
        };
        # A key that nobody signed lets nobody in.
        authorizedKeysFiles = lib.mkForce [ "none" ];
      };
      environment.etc."ssh/user-authority.pub".text =
        (if cfg.sshAuthority == null then "" else cfg.sshAuthority) + "\n";
      users.mutableUsers = false;
      users.users.${cfg.person} = {
        isNormalUser = true;
        extraGroups = [ "wheel" ];
        hashedPasswordFile = if cfg.passwordFile == null then null else toString cfg.passwordFile;
      };

      # Network: nothing comes in but SSH from where is said, nothing goes out but what is listed.
      networking.firewall.enable = true;
      networking.firewall.allowedTCPPorts = [ ];
      networking.firewall.extraInputRules = lib.concatMapStrings (
        network: "ip saddr ${network} tcp dport 22 accept\n"
      ) cfg.sshFrom;
      networking.nftables.enable = true;
      services.compliance-agent.egress.wholeMachine = true;

      services.chrony.enable = true;

      # What it is: the baseline, declared.
      services.compliance-agent.enable = true;
      services.compliance-agent.baseline = "hipaa-v1";
    }
    # A machine that hangs starts itself anew. NixOS called it otherwise before 25.11.
    (
      if
        has [
          "systemd"
          "settings"
          "Manager"
        ]
      then
        {
          systemd.settings.Manager = {
            RuntimeWatchdogSec = "30s";
            RebootWatchdogSec = "10min";
          };
        }
      else
        {
          systemd.watchdog = {
            runtimeTime = "30s";
            rebootTime = "10min";
          };
        }
    )
  ];
}
