"""What every option says of itself, and the pages that are written from that."""
import pathlib
import unittest

import baseline
import configurations as c
import nix
import reference


class Options(unittest.TestCase):
    def test_each_has_type_default_example_and_description(self):
        options = nix.reference()
        for option in options:
            # Inside of a list or a set, what is needed has no default.
            inside = "*" in option["name"] or "<name>" in option["name"] or self.is_in_a_submodule(option, options)
            for field in ("type", "example", "description") + (() if inside else ("default",)):
                self.assertTrue(option[field], f"{option['name']} has no {field}")
            self.assertTrue(option["description"].rstrip().endswith((".", ")")), option["name"])
        agent = [o for o in options if o["name"].startswith("services.compliance-agent.")]
        self.assertGreaterEqual(len(agent), 27)

    @staticmethod
    def is_in_a_submodule(option, options):
        return any(option["name"].startswith(other["name"] + ".") for other in options)

    def test_every_one_can_be_set(self):
        """FULL_AGENT and FULL_HUB leave none out: what is never set in a test may do nothing."""
        set_in = c.AGENT + c.FULL_AGENT + c.HUB + c.FULL_HUB + c.FULL_APPLIANCE
        spared = {"package", "enable", "modelsFile", "natsFile", "witnessPolicyFile", "witnessForFile", "baselineFile", "rulesFile", "runbooksDir"}
        for option in nix.reference():
            last = option["name"].split(".")[-1]
            self.assertTrue(last in spared or last in set_in, option["name"])

    def test_the_reference_is_fresh(self):
        page = nix.TREE / "docs/nixos-options.md"
        self.assertEqual(page.read_text(), reference.page(nix.reference()), "docs/nixos-options.md is stale: just nixos")

    def test_the_baseline_s_module_is_fresh(self):
        stale = baseline.stale()
        self.assertEqual(stale, [], "just nixos")


class Baseline(unittest.TestCase):
    def test_its_options_are_set_as_defaults_and_have_the_right_types(self):
        on = nix.evaluate(c.AGENT, c.changed("baseline", '"hipaa-v1"'), modules=("agent",))
        off = nix.evaluate(c.AGENT, modules=("agent",))
        # Several controls add to one option.
        self.assertGreater(on["set"] - off["set"], 14)
        theirs = nix.evaluate(c.AGENT, c.changed("baseline", '"hipaa-v1"'), '{ services.openssh.settings.PermitRootLogin = "prohibit-password"; }', modules=("agent",))
        self.assertEqual(theirs["failed"], [], "what the user says stands above it")

    def test_an_option_that_is_none_and_a_value_of_another_type_are_caught(self):
        with self.assertRaises(SystemExit):
            baseline.declared("services.openssh.permitRootLogin")
        with self.assertRaises(nix.Refused):
            nix.evaluate("{ services.openssh.settings.X11Forwarding = 7; }")
        every = (pathlib.Path(nix.TREE) / "modules/hipaa-v1.nix").read_text()
        for _, option, value in baseline.assignments():
            self.assertTrue(option in every, option)
            if not any(option.startswith(left) for left in baseline.LEFT_OUT) or "*" not in option:
                nix.evaluate(f"{{ {option} = {value}; }}", modules=())
