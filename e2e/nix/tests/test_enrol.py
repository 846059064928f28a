"""`suture-enrol --declared`, as root in a mount namespace of its own: real programs, a real hub, and /etc and /var/lib that are copies."""
import os
import pathlib
import shutil
import subprocess
import textwrap
import unittest

import nix
from machine import PROGRAMS, Machine

# What the machine has: the user and the files that the module declares. systemd is played.
INSIDE = textwrap.dedent("""
    set -eu
    cp -a /etc "$AT/etc"
    mount --bind "$AT/etc" /etc
    mount -t tmpfs -o mode=755 tmpfs /var/lib
    grep -q ^suture-agent: /etc/passwd || echo 'suture-agent:x:640:640::/var/lib/suture/agent:/usr/sbin/nologin' >>/etc/passwd
    grep -q ^suture-agent: /etc/group || echo 'suture-agent:x:640:' >>/etc/group
    mkdir -p /etc/suture /var/lib/suture
    install -d -m 700 /var/lib/suture/executor
    install -d -m 700 -o suture-agent -g suture-agent /var/lib/suture/agent /var/lib/suture/agent/keys
    cp "$AT/agent.yaml" "$AT/executor.yaml" /etc/suture/
    suture-enrol --declared "$AT/sheet.json" && status=0 || status=$?
    echo "status $status"
    find /var/lib/suture -type f -printf '%p %m %u\\n' | sort
    cat "$AT/started" 2>/dev/null || true
""")


class Enrol(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.fail("only root can have mounts of its own")
        self.machine = Machine(type(self))
        at = self.at = self.machine.at
        at.chmod(0o711)
        self.machine.serve()
        bin = at / "bin"
        bin.mkdir()
        for name in ("suture-agent", "suture-executor"):
            shutil.copy(PROGRAMS / name, bin / name)
        shutil.copy(nix.TREE / "packaging/suture-enrol", bin / "suture-enrol")
        (bin / "systemctl").write_text(f'#!/bin/sh\necho "systemctl $*" >>"{at}/started"\n')
        (bin / "systemctl").chmod(0o755)

    def enrol(self, *configurations):
        etc = nix.evaluate(self.at / "site.nix", "{ services.compliance-agent = { enable = true; egress.enable = false; }; }",
                           *configurations, modules=("agent",))["etc"]
        for name in ("agent.yaml", "executor.yaml"):
            (self.at / name).write_text(etc[f"suture/{name}"])
        environment = {**os.environ, "AT": str(self.at), "PATH": f"{self.at}/bin:{os.environ['PATH']}:/usr/sbin:/sbin"}
        done = subprocess.run(["unshare", "--mount", "sh", "-c", INSIDE], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        shutil.rmtree(self.at / "etc", ignore_errors=True)
        return done.stdout

    def test_what_is_declared_is_enrolled_and_nothing_else(self):
        # Another machine's declaration: said, and the token is still good.
        other = self.enrol('({ lib, ... }: { services.compliance-agent.site = lib.mkForce "elsewhere"; })')
        self.assertIn("the sheet's site is not what this machine declares", other)
        self.assertIn("status 65", other)
        self.assertNotIn("identity.json", other)

        said = self.enrol()
        self.assertIn("status 0", said)
        self.assertIn("/var/lib/suture/agent/identity.json 600 suture-agent", said)
        self.assertIn("/var/lib/suture/executor/catalogue.dsse 600 root", said)
        self.assertNotIn("executor.yaml", said, "what is declared is the one configuration")
        self.assertIn("systemctl start --no-block suture-executor.socket suture-executor.service suture-agent.service", said)
        self.assertEqual(list(pathlib.Path("/run").glob("suture-enrol.*")), [], "no copy of the sheet is left")
