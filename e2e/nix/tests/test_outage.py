"""While the hub is down, or its name is not found, nothing is lost: real agent, executor and hub, by the rendered files.

The data are those of nixosTests/scenarios.json. Each assertion is shown to fail where the hub stays away.
"""
import json
import unittest

import nix
from machine import Machine, until

DATA = json.loads((nix.TREE / "nixosTests/scenarios.json").read_text())["hub-down"]["data"]
OBSERVES = "{ services.compliance-agent = { aloneAfter = 0; rescanInterval = 10; logDirectories = [ ]; }; }"


class Outage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = Machine(cls)
        cls.hub = cls.machine.serve()
        cls.machine.render(OBSERVES)
        cls.machine.enrol()
        cls.executor = cls.machine.start("suture-executor", "run", "--config", cls.machine.at / "executor.yaml")
        assert until(30, (cls.machine.at / "executor.sock").exists)

    def waiting(self):
        """What the outbox holds."""
        outbox = self.machine.agent / "outbox"
        return [f for f in outbox.glob("*") if f.is_file() and f.name != "gap.json"] if outbox.exists() else []

    def agent(self):
        return self.machine.start("suture-agent", "run", "--config", self.machine.at / "agent.yaml")

    def a_finding_waits(self):
        """Something is found that has to be told: the directory of the evidence is open to others."""
        (self.machine.executor / "evidence").chmod(0o755)
        self.assertTrue(until(DATA["within_s"], self.waiting), "nothing waits for the hub")

    def is_drained(self, within_s):
        return until(within_s, lambda: not self.waiting())

    def test_a_hub_that_is_down_loses_nothing(self):
        cls = type(self)
        self.machine.stop(cls.hub)
        agent = self.agent()
        self.a_finding_waits()
        self.assertFalse(self.is_drained(3), "the twin: with the hub away nothing is forgotten")
        cls.hub = self.machine.serve()
        self.assertTrue(self.is_drained(DATA["within_s"]))
        kept = lambda: [f for f in self.machine.executor.rglob("receipt*") if f.is_file() and f.stat().st_size]
        self.assertTrue(until(30, kept), "no receipt was kept")
        self.assertIsNone(agent.poll(), "it ran on")
        self.machine.stop(agent)

    def test_a_name_that_is_not_found_loses_nothing(self):
        config = self.machine.at / "agent.yaml"
        found = config.read_text()
        # A name that never is (RFC 6761).
        config.write_text(found.replace("https://localhost:", "https://hub.invalid:"))
        agent = self.agent()
        (self.machine.executor / "evidence").chmod(0o700)
        self.assertFalse(until(3, lambda: agent.poll() is not None), "it does not end for want of a name")
        self.a_finding_waits()
        self.assertFalse(self.is_drained(3), "the twin: without the name nothing is forgotten")
        self.machine.stop(agent)
        config.write_text(found)
        agent = self.agent()
        self.assertTrue(self.is_drained(DATA["within_s"]))
        self.machine.stop(agent)
