"""A hub and an enrolled machine, real programs, with the files that the modules render; all of it in one directory."""
import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import time

import nix

PROGRAMS = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", nix.TREE / "target")).absolute() / "debug"
DECLARE = nix.TREE / "packaging/suture-declare"


def program(name, *arguments, status=0, **environment):
    """What a program said. It must end with this status; None: with any."""
    done = subprocess.run([PROGRAMS / name, *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                          env={**os.environ, **environment})
    assert status is None or done.returncode == status, f"{name} {arguments}: {done.returncode} {done.stdout} {done.stderr}"
    return done


def until(seconds, holds):
    """Whether it comes to hold within so many seconds."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


class Machine:
    """The site's machine, and its hub."""

    def __init__(self, test):
        scratch = tempfile.TemporaryDirectory()
        test.addClassCleanup(scratch.cleanup)
        self.test, self.at = test, pathlib.Path(os.path.realpath(scratch.name))
        self.agent, self.executor = self.at / "lib/agent", self.at / "lib/executor"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        program("suture-hub", "init", "--dir", self.at / "hub", "--name", "localhost")
        told = program("suture-hub", "token", "--dir", self.at / "hub", "--tenant", "riverside", "--site", "main", "--device-port", str(self.port))
        self.sheet = self.at / "sheet.json"
        self.sheet.write_text(told.stdout)
        self.declared = subprocess.run([DECLARE, self.sheet], check=True, text=True, stdout=subprocess.PIPE).stdout
        (self.at / "site.nix").write_text(self.declared)

    def start(self, name, *arguments):
        running = subprocess.Popen([PROGRAMS / name, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.test.addClassCleanup(self.stop, running)
        return running

    @staticmethod
    def stop(running):
        running.terminate()
        running.wait(60)

    def serve(self):
        """The hub, once it answers."""
        hub = self.start("suture-hub", "serve", "--dir", self.at / "hub", "--name", "localhost",
                         "--device", f"127.0.0.1:{self.port}", "--operator", "127.0.0.1:0")
        assert until(30, self.answers), "the hub does not answer"
        return hub

    def answers(self):
        with socket.socket() as asked:
            return asked.connect_ex(("127.0.0.1", self.port)) == 0

    def render(self, *more):
        """The two files, with the places and the users that a test has."""
        least = "{ services.compliance-agent = { enable = true; egress.enable = false; }; }"
        etc = nix.evaluate(self.at / "site.nix", least, *more, modules=("agent",))["etc"]
        for name in ("agent.yaml", "executor.yaml"):
            text = etc[f"suture/{name}"].replace("/var/lib/suture", str(self.at / "lib")).replace("/run/suture", str(self.at))
            text = re.sub(r"^(agent_uid|executor_uid): .*", rf"\1: {os.getuid()}", text, flags=re.MULTILINE)
            (self.at / name).write_text(text)
        return etc

    def enrol(self):
        self.executor.mkdir(parents=True)
        self.agent.mkdir(mode=0o700)
        key = program("suture-executor", "init", "--sheet", self.sheet, "--dir", self.executor, "--socket", "/run/suture/executor.sock",
                      "--agent-uid", "640", "--agent-keys", self.agent / "keys", "--unsealed").stdout.strip()
        program("suture-agent", "enrol", "--sheet", self.sheet, "--dir", self.agent, "--evidence-key", key, "--unsealed")

    def secret(self):
        return json.loads(self.sheet.read_text())["secret"]
