"""What NixOS installs and what Debian's package installs give the same sandboxing and the same command lines.

The units are those that the modules render; Debian's are taken out of packaging/systemd, which packaging/deb packs as
they are (a test of crate `faults` holds that).
"""
import json
import pathlib
import re
import subprocess
import tempfile
import unittest

import configurations as c
import nix

DEBIAN = nix.TREE / "packaging/systemd"
UNITS = ["suture-agent.service", "suture-executor.service", "suture-executor.socket", "suture-hub.service"]
# What differs, and why: the programs and their pages lie in the store, and on NixOS the configuration is always there.
DIFFERS = {("Unit", "Documentation"), ("Unit", "ConditionPathExists"), ("Service", "ExecStart")}
# NixOS makes these links itself.
NOT_RENDERED = "Install"
# `systemd-analyze security`, in tenths: what each may have at most.
EXPOSURE_MAX = {"suture-agent.service": 15, "suture-executor.service": 40, "suture-hub.service": 15}


def parse(text):
    """Sections of keys with all their values, in order; words of lists that systemd joins stay as they stand."""
    unit, section = {}, None
    for line in text.splitlines():
        if head := re.fullmatch(r"\[(\w+)]", line):
            section = unit.setdefault(head.group(1), {})
        elif line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return unit


def differences(debian, nixos):
    """(section, key) where the two are not the same, apart from what must differ."""
    found = set()
    for section in (debian.keys() | nixos.keys()) - {NOT_RENDERED}:
        theirs, ours = debian.get(section, {}), nixos.get(section, {})
        found |= {(section, key) for key in theirs.keys() | ours.keys() if theirs.get(key) != ours.get(key)}
    return found - DIFFERS


def command_line(unit):
    """The program by its name, and its arguments without where the configuration lies."""
    (line,) = unit["Service"]["ExecStart"]
    program, *arguments = line.split()
    return [pathlib.Path(program).name, *(pathlib.Path(a).name if a.endswith(".yaml") else a for a in arguments)]


def analyze(verb, units, *more):
    with tempfile.TemporaryDirectory() as directory:
        for name, text in units.items():
            # What is started is not here; every other word is looked at.
            text = re.sub(r"/nix/store/0{32}-[^\s\":]*", "/bin/true", text)
            (pathlib.Path(directory) / name).write_text(text)
        paths = [f"{directory}/{name}" for name in units]
        return subprocess.run(["systemd-analyze", verb, *more, *paths], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT).stdout


def exposure(name, text):
    said = json.loads(analyze("security", {name: text}, "--offline=yes", "--json=short"))
    weights = [float(row["exposure"]) for row in said if row.get("exposure")]
    level = analyze("security", {name: text}, "--offline=yes", "--no-pager").strip().splitlines()[-1]
    return round(float(re.search(r"service: ([0-9.]+)", level).group(1)) * 10), weights


def unexplained(name, text):
    """What systemd-analyze counts as open, and no comment of the unit names."""
    comments = " ".join(line for line in text.splitlines() if line.startswith("#"))
    rows = json.loads(analyze("security", {name: text}, "--offline=yes", "--json=short"))
    found = []
    for row in rows:
        if float(row.get("exposure") or 0) == 0:
            continue
        key, _, value = row["name"].partition("=")
        # One of several is enough: CAP_(DAC_*|FOWNER|IPC_OWNER), User=/DynamicUser=, AF_(INET|INET6).
        words = re.findall(r"@\w+|\w+", value.removeprefix("~")) if "~" in value else [key]
        words = [w for w in words if w not in ("CAP_", "AF_")] or [key]
        if not any(w in comments for w in words):
            found.append(row["name"])
    return found


class Units(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rendered = nix.evaluate(c.AGENT, c.HUB)["units"]
        cls.full = nix.evaluate(c.AGENT, c.FULL_AGENT, c.HUB, c.FULL_HUB)["units"]

    def test_sandboxing_is_the_same(self):
        for name in UNITS:
            debian = parse((DEBIAN / name).read_text())
            self.assertEqual(differences(debian, parse(self.rendered[name])), set(), name)

    def test_command_lines_are_the_same(self):
        for name in UNITS[:2] + UNITS[3:]:
            debian = parse((DEBIAN / name).read_text())
            self.assertEqual(command_line(debian), command_line(parse(self.rendered[name])), name)

    def test_options_close_nothing_and_open_what_they_say_alone(self):
        """With every option set, another TPM, the archive and the trace are what the units differ by."""
        opened = {("Service", "BindPaths"), ("Service", "Environment"), ("Service", "ReadWritePaths")}
        for name in UNITS:
            debian = parse((DEBIAN / name).read_text())
            self.assertLessEqual(differences(debian, parse(self.full[name])), opened, name)

    def test_a_difference_is_noticed(self):
        name = "suture-agent.service"
        debian = parse((DEBIAN / name).read_text())
        for section, key, change in (("Service", "NoNewPrivileges", ["no"]), ("Service", "SystemCallFilter", ["@system-service"]),
                                     ("Service", "AmbientCapabilities", None), ("Unit", "After", ["network.target"])):
            other = parse(self.rendered[name])
            if change is None:
                del other[section][key]
            else:
                other[section][key] = change
            self.assertEqual(differences(debian, other), {(section, key)})
        other = parse(self.rendered[name].replace("run --config", "run --events --config"))
        self.assertNotEqual(command_line(debian), command_line(other))

    def test_systemd_understands_all_of_them(self):
        for units in (self.rendered, self.full):
            self.assertEqual(analyze("verify", units, "--man=no"), "")
        broken = {"x.service": self.rendered["suture-agent.service"].replace("ProtectHome=yes", "ProtectHomes=yes")}
        self.assertIn("ProtectHomes", analyze("verify", broken, "--man=no"))

    def test_each_is_as_closed_as_is_said(self):
        for name, most in EXPOSURE_MAX.items():
            level, _ = exposure(name, self.rendered[name])
            self.assertLessEqual(level, most, name)
        opened = self.rendered["suture-agent.service"].replace("PrivateDevices=yes", "PrivateDevices=no")
        self.assertGreater(exposure("suture-agent.service", opened)[0], EXPOSURE_MAX["suture-agent.service"])

    def test_each_point_that_is_left_open_is_explained(self):
        for name in EXPOSURE_MAX:
            text = (DEBIAN / name).read_text()
            self.assertEqual(unexplained(name, text), [], name)
        text = (DEBIAN / "suture-agent.service").read_text()
        silent = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
        self.assertGreater(len(unexplained("suture-agent.service", silent)), 5)

    def test_a_unit_that_changes_its_shape_is_refused(self):
        def reads(text):
            with tempfile.NamedTemporaryFile("w", suffix=".service") as file:
                file.write(text)
                file.flush()
                return nix.value(f"import {nix.TREE}/modules/unit-file.nix {{ lib = import {nix.lib()}; }} {file.name}")

        self.assertEqual(reads("# why\n[Service]\nA=b\nC=\nA=d\n"), {"Service": {"A": ["b", "d"], "C": ""}})
        for bad, says in (("A=b\n", "before the first section"), ("[S]\nA=b \\\n", "one line"), ("[S]\nwords\n", ":2: neither a section nor")):
            with self.assertRaises(nix.Refused) as refused:
                reads(bad)
            self.assertIn(says, str(refused.exception))

    def test_an_override_of_what_is_not_there_is_refused(self):
        with self.assertRaises(nix.Refused) as refused:
            nix.value(f"""(import {nix.TREE}/modules/nixos-unit.nix {{ lib = import {nix.lib()}; }} {{
                file = {DEBIAN}/suture-agent.service; overrides.Service.ExecStartt = "x"; }}).serviceConfig""")
        self.assertIn("the module overrides Service ExecStartt, which the unit does not have", str(refused.exception))


class Rules(unittest.TestCase):
    def test_nft_takes_the_tables(self):
        for more in ([], [c.FULL_AGENT]):
            table = nix.evaluate(c.AGENT, *more, modules=("agent",))["tables"]["suture"]
            self.assertEqual(self.nft(table), "")
            self.assertIn("counter reject", table)
        self.assertIn("syntax error", self.nft("table inet suture { chain output { type filter hook outputs; } }"))

    @staticmethod
    def nft(table):
        done = subprocess.run(["nft", "--check", "--file", "-"], input=table, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout if done.returncode else ""

    def test_tmpfiles_are_debian_s_and_the_watch_s(self):
        rules = nix.evaluate(c.AGENT, modules=("agent",))["tmpfiles"]
        lines = [line for line in (DEBIAN / "suture.tmpfiles").read_text().splitlines() if line and not line.startswith("#")]
        self.assertLessEqual(set(lines), set(rules))

    def test_no_secret_is_in_what_is_rendered(self):
        """Paths are; what is in them is not read, and they are not copied."""
        came = nix.evaluate(c.AGENT, c.FULL_AGENT, c.HUB, c.FULL_HUB)
        text = json.dumps(came["etc"]) + json.dumps(came["units"])
        for path in ("suture-sheet", "suture-site-key", "suture-oidc", "suture-s3", "suture-webhook"):
            self.assertIn(f"/run/secrets/{path}", text)
            self.assertNotRegex(text, f"/nix/store/\\S*{path}")
