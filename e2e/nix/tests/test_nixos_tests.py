"""The tests that boot NixOS machines, as far as they can be held without booting one.

Each evaluates, each node is a configuration that fails no assertion, each script is Python whose every name and every
call of a machine there is; a twin makes the very same assertion; and each threat is held here by a test that there is.
"""
import ast
import builtins
import functools
import json
import unittest

import nix

TESTS = nix.TREE / "nixosTests"
SCENARIOS = json.loads((TESTS / "scenarios.json").read_text())
# What NixOS's test driver offers: its machines' methods as its manual lists them, as far as they are used here.
MACHINE = {"succeed", "fail", "execute", "sleep", "wait_for_unit", "wait_for_open_port", "wait_until_succeeds"}
DRIVER = {"start_all", "hub", "site"}


@functools.cache
def tests():
    expression = (
        f"let lib = import {nix.lib()}; in builtins.mapAttrs (_: test: {{ inherit (test) name testScript; nodes = builtins.attrNames test.nodes; }})"
        f" (import {TESTS} {{ inherit lib; run = test: test; modules = [ ]; }})"
    )
    return nix.value(expression)


@functools.cache
def node(test, name):
    """One machine of a test, evaluated with our modules."""
    machine = f"(import {TESTS} {{ lib = import {nix.lib()}; run = test: test; modules = [ ]; }}).{json.dumps(test)}.nodes.{name}"
    return nix.evaluate(machine)


def assertion(script):
    """The text of `check`."""
    (found,) = (n for n in ast.parse(script).body if isinstance(n, ast.FunctionDef) and n.name == "check")
    return ast.unparse(found)


def strangers(script):
    """Names that nothing defines or uses, and calls that a machine does not answer."""
    tree = ast.parse(script)
    given = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    given |= {n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ExceptHandler)) and n.name}
    given |= {a.arg for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) for a in n.args.args}
    given |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} - given - DRIVER - set(dir(builtins))
    calls = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id in ("hub", "site")}
    loaded = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    unused = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names} - loaded
    # NixOS's own lint refuses both.
    widths = {id(n.format_spec) for n in ast.walk(tree) if isinstance(n, ast.FormattedValue)}
    plain = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) and id(n) not in widths
             and not any(isinstance(v, ast.FormattedValue) for v in n.values)}
    return names | (calls - MACHINE) | unused | plain


class NixosTests(unittest.TestCase):
    def test_one_threat_a_file_and_each_with_a_twin(self):
        self.assertGreaterEqual(len(SCENARIOS), 12)
        files = {f.stem for f in TESTS.glob("*.nix")} - {"default", "twin", "site", "enrolled"}
        self.assertEqual(files, set(SCENARIOS))
        self.assertEqual(set(tests()), files | {f"{name}-can-fail" for name in files})

    def test_every_machine_is_a_configuration_that_holds(self):
        for name, test in tests().items():
            for machine in test["nodes"]:
                with self.subTest(f"{name}, {machine}"):
                    self.assertEqual(node(name, machine)["failed"], [])

    def test_every_script_is_python_that_knows_what_it_names(self):
        for name, test in tests().items():
            self.assertEqual(strangers(test["testScript"]), set(), name)
        self.assertEqual(strangers("import json; site.suceed(command, f'x')"), {"suceed", "command", "json", "f'x'"})

    def test_a_twin_is_sabotaged_and_asserts_the_very_same(self):
        for name in SCENARIOS:
            held, twin = tests()[name], tests()[f"{name}-can-fail"]
            self.assertEqual(assertion(held["testScript"]), assertion(twin["testScript"]), name)
            self.assertIn("nothing was noticed", twin["testScript"])
            self.assertNotIn("nothing was noticed", held["testScript"])
            same = all(node(name, m)["units"] == node(f"{name}-can-fail", m)["units"] and
                       node(name, m)["etc"] == node(f"{name}-can-fail", m)["etc"] and
                       node(name, m)["tables"] == node(f"{name}-can-fail", m)["tables"] for m in held["nodes"])
            before = lambda script: script.split("def check")[0]
            journal = name == "journal"  # journald's own file is none of ours
            self.assertTrue(journal or not same or before(held["testScript"]) != before(twin["testScript"]), f"{name}: nothing is sabotaged")

    def test_the_page_says_of_each_where_it_was_run(self):
        page = (nix.TREE / "docs/nixos.md").read_text()
        for name, scenario in SCENARIOS.items():
            held = ", ".join(f"`{h['test']}` ({h['file']})" for h in scenario["held_here"])
            self.assertIn(f"| `{name}` | no | {held} |", page)

    def test_each_threat_is_held_here_by_a_test_that_there_is(self):
        for name, scenario in SCENARIOS.items():
            self.assertTrue(scenario["held_here"], name)
            for held in scenario["held_here"]:
                text = (nix.TREE / held["file"]).read_text()
                define = "def " if held["file"].endswith(".py") else "fn "
                self.assertIn(f"{define}{held['test']}(", text, f"{name}: {held['file']}")
