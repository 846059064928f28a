# The clinic's machine after its enrolment: what agent and executor say of what happens goes to the journal too, with the machine's monotonic time; what
# clinic and MSP agreed; and two tools for faults. Nothing else differs from what is installed. Run once, as root, in the lab's machine.
for name in agent executor; do
  unit=/usr/lib/systemd/system/suture-$name.service
  mkdir -p /etc/systemd/system/suture-$name.service.d
  { echo '[Service]'; echo 'ExecStart='; sed -n 's/^\(ExecStart=.*\)$/\1 --events/p' $unit; } >/etc/systemd/system/suture-$name.service.d/events.conf
done
systemctl daemon-reload

# When disruptive repairs may be made, which certificates are served, and what backups touch.
cat >>/var/lib/suture/executor/executor.yaml <<'END'
window: { zone: UTC, days: [mon, tue, wed, thu, fri, sat, sun], from: '00:00', to: '23:59' }
END
for file in /var/lib/suture/executor/executor.yaml /etc/suture/agent.yaml; do
  cat >>$file <<'END'
certificates: [/var/lib/acme/site/fullchain.pem]
certificate_keys: [/var/lib/acme/site/key.pem]
stamps: { backup: /var/lib/restic/site-backed-up, restore_test: /var/lib/restic/site-restore-tested }
END
done

cat >/usr/local/sbin/window <<'END'
#!/bin/sh
# Moves the maintenance window: `window shut` leaves one that is days away, `window open` one that is now, `window soon` one that opens in a minute or two.
days='mon, tue, wed, thu, fri, sat, sun' from=00:00
case $1 in
  shut) days=$(date -u -d '+3 days' +%a | tr A-Z a-z) ;;
  open) ;;
  soon) from=$(date -u -d '+100 seconds' +%H:%M) ;;
  *) exit 64 ;;
esac
sed -i "s/days: \[.*\], from: '.*', to/days: [$days], from: '$from', to/" /var/lib/suture/executor/executor.yaml
systemctl restart suture-executor
END
cat >/usr/local/sbin/cut-power-at <<'END'
#!/bin/sh
# Cuts the power so many seconds after the executor says that something happened: `cut-power-at permitted 0.2`.
cat >/run/cut-power <<CUT
journalctl -q -f -n0 -u suture-executor -o cat | while read -r line; do
  case \$line in *'"$1"'*) sleep $2; echo b >/proc/sysrq-trigger ;; esac
done
CUT
systemd-run --quiet --unit=cut-power /bin/sh /run/cut-power
sleep 1
END
cat >/usr/local/sbin/imitate-nixos <<'END'
#!/bin/sh
# Lays out a generation of NixOS beside what is there: its store, its profile, and the units that run as those it declares.
set -eu
for system in a-system b-system; do
  mkdir -p /nix/store/$system/etc/systemd
  cp -a /etc/systemd/system /nix/store/$system/etc/systemd/system
done
mkdir -p /nix/var/nix/profiles
ln -s system-1-link /nix/var/nix/profiles/system
ln -s /nix/store/a-system /nix/var/nix/profiles/system-1-link
ln -s /nix/store/a-system /run/current-system
ln -s /nix/store/a-system /run/booted-system
mount --bind /nix/store /nix/store
mount -o remount,bind,ro /nix/store
touch /etc/NIXOS
# Until everybody has looked at it.
sleep 8
END
chmod 755 /usr/local/sbin/imitate-nixos /usr/local/sbin/window /usr/local/sbin/cut-power-at
