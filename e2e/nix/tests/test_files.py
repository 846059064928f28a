"""The programs themselves read what the modules render: an enrolment from the hub's token to a first look, by the files that NixOS would have."""
import json
import re
import subprocess
import unittest

import configurations as c
import nix
from machine import Machine, PROGRAMS, program

# What of the sheet is pinned in both of the executor's files.
PINNED = ["origin", "tenant", "site", "host", "hub_keys", "witness_key", "approved_catalogue", "mode"]


def keys(text):
    """Top-level keys with their values; both files are written with one key a line."""
    found = dict(re.findall(r"^(\w+): (.*)$", text, re.MULTILINE))
    return {key: json.loads(value) if value[0] in '"[{' else value for key, value in found.items()}


class Enrolled(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = Machine(cls)
        cls.machine.serve()
        cls.at = cls.machine.at

    def test_from_the_token_to_a_first_look(self):
        etc = self.machine.render()
        self.machine.enrol()
        # What init writes from the sheet and what is declared from it say the same.
        written = keys((self.machine.executor / "executor.yaml").read_text())
        declared = keys((self.at / "executor.yaml").read_text())
        self.assertEqual({k: written[k] for k in PINNED}, {k: declared[k] for k in PINNED})
        self.assertNotIn(self.machine.secret(), self.machine.declared + "".join(etc.values()))

        # The executor opens keys, catalogue and baseline by the declared file; its log has not begun.
        fsck = program("suture-executor", "fsck", "--config", self.at / "executor.yaml", status=None)
        self.assertNotEqual(fsck.returncode, 78, fsck.stderr)
        # The agent looks by its own.
        look = program("suture-agent", "scan", "--config", self.at / "agent.yaml", "--json", status=None)
        self.assertIn(look.returncode, (0, 1, 3), look.stderr)

        # With every option set they are read too; the catalogue is still the sheet's.
        spared = "({ lib, ... }: { services.compliance-agent = { tpmDevice = lib.mkForce null; exceptionsFile = lib.mkForce null; siteKeyFile = lib.mkForce null; hub.retiredKeys = lib.mkForce [ ]; operators = lib.mkForce { }; }; })"
        self.machine.render(c.FULL_AGENT, spared)
        fsck = program("suture-executor", "fsck", "--config", self.at / "executor.yaml", status=None)
        self.assertNotEqual(fsck.returncode, 78, fsck.stderr)
        look = program("suture-agent", "scan", "--config", self.at / "agent.yaml", "--json", status=None)
        self.assertIn(look.returncode, (0, 1, 3), look.stderr)

        # And each refuses a key that it does not know: what was read above was looked at.
        for name, file, command, refused in (("suture-executor", "executor.yaml", "fsck", 78), ("suture-agent", "agent.yaml", "scan", 2)):
            text = (self.at / file).read_text()
            (self.at / file).write_text(text + "allow_disruptive_outside_window: true\n")
            said = program(name, command, "--config", self.at / file, status=refused)
            self.assertIn("allow_disruptive_outside_window", said.stderr)

    def test_each_level_of_the_trace_is_one_that_the_programs_know(self):
        nowhere = ("--config", "/nonexistent/agent.yaml")
        for name, command in (("suture-agent", "scan"), ("suture-executor", "fsck")):
            for level in ("error", "warn", "info", "debug", "trace"):
                self.assertNotIn("SUTURE_TRACE", program(name, command, *nowhere, status=None, SUTURE_TRACE=level).stderr)
            self.assertIn("SUTURE_TRACE is loud", program(name, command, *nowhere, status=None, SUTURE_TRACE="loud").stderr)

    def test_the_hub_reads_its_own(self):
        """Alerts with every channel, and the options of hub.env."""
        etc = nix.evaluate(c.HUB, c.FULL_HUB, modules=("hub",))["etc"]
        secret = self.at / "webhook"
        secret.write_text("s" * 40)
        secret.chmod(0o600)
        alerts = self.at / "alerts.yaml"
        alerts.write_text(etc["suture/alerts.yaml"].replace("/run/secrets/suture-webhook", str(secret)))
        other = self.at / "other"
        program("suture-hub", "init", "--dir", other, "--name", "localhost")
        serve = ("serve", "--dir", other, "--name", "localhost", "--operator", "127.0.0.1:0", "--alerts", alerts)
        self.assertEqual(self.serves(*serve), "", "alerts.yaml")
        whole = alerts.read_text()
        alerts.write_text(nix.evaluate(c.HUB, modules=("hub",))["etc"]["suture/alerts.yaml"])
        self.assertEqual(self.serves(*serve), "", "the least that can be said")
        alerts.write_text(whole.replace("site_dark_after_minutes", "site_dark_after"))
        self.assertIn("site_dark_after", self.serves(*serve))
        # Each argument of hub.env is one that `serve` has.
        known = program("suture-hub", "serve", "--help").stdout
        for argument in re.findall(r"--[a-z0-9-]+", etc["suture/hub.env"]):
            self.assertRegex(known, rf"{argument}\b")

    @staticmethod
    def serves(*arguments):
        """What a hub complains of; nothing where it serves until it is stopped."""
        hub = subprocess.Popen([PROGRAMS / "suture-hub", *arguments], text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            hub.wait(3)
        except subprocess.TimeoutExpired:
            hub.terminate()
            hub.communicate(timeout=30)
            return ""
        return hub.communicate()[1]
