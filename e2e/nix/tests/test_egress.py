"""The rendered allow list in a kernel's packet filter: what is listed is reached, and nothing else.

Two networks of their own, a wire between them, a server behind. Needs root; says so and is no pass where it is not.
"""
import json
import os
import pathlib
import subprocess
import textwrap
import unittest

import configurations as c
import nix

DATA = json.loads((nix.TREE / "nixosTests/scenarios.json").read_text())["egress-allowlist"]["data"]
HUB = "192.0.2.10"
SERVER = textwrap.dedent("""
    import socket, sys, time
    kept = [socket.create_server(("0.0.0.0", int(port))) for port in sys.argv[1:]]
    print("ready", flush=True)
    time.sleep(60)
""")
# As this user, to this port: exit status 0 where somebody answers.
SPEAK = textwrap.dedent(f"""
    import encodings.idna, os, socket, sys
    os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
    socket.create_connection(("{HUB}", int(sys.argv[2])), timeout=3)
""")


def sh(*words, **more):
    return subprocess.run(words, check=True, **more)


class Egress(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.fail("only root can give a network of its own")
        self.site, self.hub = f"suture-site-{os.getpid()}", f"suture-hub-{os.getpid()}"
        for network in (self.site, self.hub):
            sh("ip", "netns", "add", network)
            self.addCleanup(sh, "ip", "netns", "delete", network)
        sh("ip", "link", "add", "wire", "netns", self.site, "type", "veth", "peer", "name", "wire", "netns", self.hub)
        for network, address in ((self.site, "192.0.2.1/24"), (self.hub, f"{HUB}/24")):
            sh("ip", "-n", network, "address", "add", address, "dev", "wire")
            sh("ip", "-n", network, "link", "set", "wire", "up")
        ports = [str(DATA["listed_port"]), str(DATA["unlisted_port"])]
        server = subprocess.Popen(["ip", "netns", "exec", self.hub, "python3", "-c", SERVER, *ports], stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (server.kill(), server.wait(), server.stdout.close()))
        self.assertEqual(server.stdout.readline(), "ready\n")

    def load(self, *configurations):
        allow = f'{{ services.compliance-agent.egress.allow = [ {{ address = "{HUB}"; port = {DATA["listed_port"]}; why = "the hub"; }} ]; }}'
        tables = nix.evaluate(c.AGENT, allow, *configurations, modules=("agent",))["tables"]
        sh("ip", "netns", "exec", self.site, "nft", "--file", "-", input=tables["suture"], text=True)

    def speaks(self, uid, port):
        words = ["ip", "netns", "exec", self.site, "python3", "-c", SPEAK, str(uid), str(port)]
        return subprocess.run(words, stderr=subprocess.DEVNULL).returncode == 0

    def test_what_is_listed_is_reached_and_nothing_else(self):
        listed, unlisted = DATA["listed_port"], DATA["unlisted_port"]
        self.assertTrue(self.speaks(640, unlisted), "the twin: without the list it is reached")
        self.load()
        self.assertTrue(self.speaks(640, listed))
        self.assertFalse(self.speaks(640, unlisted))
        self.assertTrue(self.speaks(1000, unlisted), "the list is the agent's alone")

    def test_on_an_appliance_it_holds_for_everybody(self):
        self.load("{ services.compliance-agent.egress.wholeMachine = true; }")
        self.assertTrue(self.speaks(1000, DATA["listed_port"]))
        self.assertFalse(self.speaks(1000, DATA["unlisted_port"]))
