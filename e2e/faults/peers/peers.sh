# The clinic's machine with other programs that repair in Suture's place; started by whoever measures them. Run once, as root, in the lab's machine.
install -m 600 /var/lab/monitrc /etc/monit/monitrc
install -d -m 700 /etc/lab
install -m 600 /var/lab/promises.cf /etc/lab/promises.cf
monit -t
cf-key >/dev/null 2>&1 || true
cf-agent -K -f /etc/lab/promises.cf
