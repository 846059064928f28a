"""The watch over a new generation, run for real: its script, nix-env's profile, and generations whose switch does what they are told.

systemd alone is played: `systemctl is-active` answers by files, `systemd-run` runs what it is given.
"""
import os
import pathlib
import subprocess
import tempfile
import unittest

import nix

SCRIPT = nix.TREE / "modules/compliance-agent/generation-watch.sh"
UNITS = ["suture-executor.service", "suture-agent.service"]


class Machine:
    """A profile, a running system, and a systemd that says which units run."""

    def __init__(self, at):
        self.at = pathlib.Path(at)
        for name in ("bin", "state", "store", "up"):
            (self.at / name).mkdir()
        self.profile, self.running, self.state = self.at / "system", self.at / "current-system", self.at / "state"
        self.program("systemctl", f'for unit; do :; done; [ -e "{self.at}/up/$unit" ]')
        self.program("systemd-run", f'while [ "${{1#-}}" != "$1" ]; do shift; done; echo "$@" >>"{self.at}/ran"; exec "$@"')

    def program(self, name, text):
        path = self.at / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def generation(self, number, *, brings_up=UNITS, switches=True):
        """A closure whose switch makes it run, and takes its own units up and no others."""
        closure = self.at / f"store/nixos-{number}"
        (closure / "bin").mkdir(parents=True)
        up = " ".join(f'"{self.at}/up/{unit}"' for unit in brings_up)
        switch = closure / "bin/switch-to-configuration"
        text = f'ln -sfn "{closure}" "{self.running}"; rm -f "{self.at}"/up/*; {f"touch {up}" if up else ":"}'
        switch.write_text(f"#!/bin/sh\n{text if switches else 'exit 1'}\n")
        switch.chmod(0o755)
        (self.at / f"system-{number}-link").symlink_to(closure)
        return closure

    def switch(self, closure, number):
        """As nixos-rebuild does: the profile first, then the switch."""
        self.profile.unlink(missing_ok=True)
        self.profile.symlink_to(f"system-{number}-link")
        subprocess.run([closure / "bin/switch-to-configuration"], check=True)

    def watch(self, timeout_s=1, hold_s=1):
        words = ["sh", SCRIPT, self.profile, self.running, self.state, str(timeout_s), str(hold_s), *UNITS]
        environment = {**os.environ, "PATH": f"{self.at}/bin:{os.environ['PATH']}", "HOME": str(self.at),
                       "NIX_REMOTE": f"local?root={self.at}/nix", "NIX_STATE_DIR": str(self.at / "nix")}
        return subprocess.run(words, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)

    def confirmed(self):
        return pathlib.Path(os.path.realpath(self.state / "confirmed")) if (self.state / "confirmed").exists() else None

    def runs(self):
        return pathlib.Path(os.path.realpath(self.running))


class Watch(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.machine = Machine(os.path.realpath(scratch.name))

    def test_a_healthy_generation_is_confirmed(self):
        first = self.machine.generation(1)
        self.machine.switch(first, 1)
        done = self.machine.watch()
        self.assertEqual((done.returncode, self.machine.confirmed()), (0, first), done.stdout)
        self.assertEqual(self.machine.watch().stdout, "", "nothing to do the second time")

    def test_a_bad_generation_is_gone_back_from_with_its_boot_entry(self):
        first, second = self.machine.generation(1), self.machine.generation(2, brings_up=["suture-agent.service"])
        self.machine.switch(first, 1)
        self.machine.watch()
        self.machine.switch(second, 2)
        done = self.machine.watch()
        self.assertEqual((done.returncode, self.machine.runs()), (0, first), done.stdout)
        self.assertEqual(os.readlink(self.machine.profile), "system-1-link", "what boots is what runs")
        self.assertIn(f"back from {second} to {first}", done.stdout)
        self.assertEqual((self.machine.state / "went-back-from").read_text(), f"{second}\n")
        self.assertEqual((self.machine.at / "ran").read_text(), f"{first}/bin/switch-to-configuration switch\n")

    def test_without_the_watch_it_would_have_stayed(self):
        """The twin: the same two generations, and nobody watches."""
        first, second = self.machine.generation(1), self.machine.generation(2, brings_up=[])
        self.machine.switch(first, 1)
        self.machine.watch()
        self.machine.switch(second, 2)
        self.assertEqual(self.machine.runs(), second)

    def test_units_that_come_up_and_go_again_do_not_confirm(self):
        first, second = self.machine.generation(1), self.machine.generation(2)
        self.machine.switch(first, 1)
        self.machine.watch()
        self.machine.switch(second, 2)
        # Down again before the hold is over.
        self.machine.program("systemctl", f'n=$(cat "{self.machine.at}/asked" 2>/dev/null || echo 0); echo $((n + 1)) >"{self.machine.at}/asked"; [ $((n % 6)) -lt 3 ]')
        done = self.machine.watch(timeout_s=2, hold_s=30)
        self.assertEqual((done.returncode, self.machine.runs()), (0, first), done.stdout)

    def test_the_first_generation_has_nothing_to_go_back_to(self):
        first = self.machine.generation(1, brings_up=[])
        self.machine.switch(first, 1)
        done = self.machine.watch()
        self.assertEqual((done.returncode, self.machine.runs(), self.machine.confirmed()), (3, first, None))
        self.assertIn("no earlier generation was", done.stdout)

    def test_going_back_that_fails_says_so_and_is_tried_again(self):
        first, second = self.machine.generation(1), self.machine.generation(2, brings_up=[])
        self.machine.switch(first, 1)
        self.machine.watch()
        self.machine.switch(second, 2)
        switch = first / "bin/switch-to-configuration"
        good = switch.read_text()
        switch.write_text("#!/bin/sh\nexit 1\n")
        self.assertEqual((self.machine.watch().returncode, self.machine.runs()), (1, second))
        switch.write_text(good)
        self.assertEqual((self.machine.watch().returncode, self.machine.runs()), (0, first))

    def test_what_is_tried_out_and_in_no_profile_is_not_what_is_gone_back_to(self):
        first = self.machine.generation(1)
        self.machine.switch(first, 1)
        self.machine.watch()
        tried = self.machine.generation(9)
        (self.machine.at / "system-9-link").unlink()
        subprocess.run([tried / "bin/switch-to-configuration"], check=True)
        done = self.machine.watch()
        self.assertEqual((done.returncode, self.machine.runs(), self.machine.confirmed()), (0, tried, first), done.stdout)

    def test_wrong_usage_is_said(self):
        self.assertEqual(subprocess.run(["sh", SCRIPT, "a"], stderr=subprocess.DEVNULL).returncode, 64)
