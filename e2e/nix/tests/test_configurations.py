"""Good configurations evaluate and fail no assertion; each bad one is refused with the message that says what to do."""
import unittest

import configurations as c
import nix

OF_AGENT = "services.compliance-agent."
OF_HUB = "services.compliance-hub."
STORE = "would put a secret into the Nix store"

HEARD = c.changed_hub("alerts", '{ channels.log.syslog.socket = "/dev/log"; routes = [ { channels = [ "log" ]; } ]; }')
# What is set, and what is said. None of it may be said of a good one.
ASSERTED = [
    (c.changed("tenant", "null"), OF_AGENT + "tenant is not set: it is the tenant of the machine's enrolment sheet. suture-declare SHEET prints all of these as Nix."),
    (c.changed("hub.keys", "[ ]"), OF_AGENT + "hub.keys is not set: it is the hub_key of the machine's enrolment sheet."),
    (c.changed("catalogueDigest", "null"), OF_AGENT + "catalogueDigest is not set"),
    (c.changed("retentionYears", "5"), OF_AGENT + "retentionYears is 5: documentation is kept six years (45 CFR 164.316(b)(2)(i)). Set it to 6 or more."),
    (c.changed("operators", f'{{ a = "{c.KEY}"; b = "{c.KEY}"; }}'), OF_AGENT + "operators: a and b have the same key, so one person could agree as two."),
    (c.changed("window", '{ zone = "Europe/Berlin"; days = [ "tue" ]; from = "02:00"; to = "02:00"; }'), "opens and closes at the same time (02:00), so it is never open."),
    (c.changed("hub.retiredKeys", f'[ {{ key = "{c.KEY}"; until = "2026-06-30T00:00:00Z"; }} ]'), "Take it out of hub.keys."),
    (c.changed("egress.allow", "[ ]"), "List the address and port of the hub (hub.msp.example)"),
    ("({ lib, ... }: { networking.nftables.enable = lib.mkForce false; })", "egress.enable needs nftables"),
    (c.changed("rebuild.healthUnits", "[ ]"), "every generation would count as healthy"),
    (c.changed("tpm", "true"), "there is no group that may use the TPM"),
    (c.changed("enrolment.sheetFile", "/etc/hostname"), OF_AGENT + "enrolment.sheetFile " + STORE),
    (c.changed("siteKeyFile", '"/nix/store/00000000000000000000000000000000-key"'), OF_AGENT + "siteKeyFile " + STORE),
    (c.changed("certificateKeys", '[ "/run/a" "/nix/store/00000000000000000000000000000000-key" ]'), OF_AGENT + "certificateKeys.1 " + STORE),
]
ASSERTED_OF_HUB = [
    (c.changed_hub("name", "null"), OF_HUB + "name is not set"),
    (c.changed_hub("archive.years", "5"), OF_HUB + "archive.years is 5: documentation is kept six years (45 CFR 164.316(b)(2)(i)). Set it to 6 or more."),
    (c.changed_hub("alerts.routes", '[ { channels = [ "pager" ]; } ]'), "there is no channel pager"),
    (c.changed_hub("alerts.channels", "{ both = { syslog.tcp = \"192.0.2.1:601\"; smtp.host = \"m\"; }; }"), "both must be one of webhook, syslog and smtp"),
    (c.changed_hub("alerts.channels", "{ none = { }; }"), "none must be one of webhook, syslog and smtp"),
    ((c.changed_hub("deployment.mode", '"reseller"'), HEARD), "give the id by which the reseller's systems know this hub"),
    (c.changed_hub("deployment", '{ mode = "reseller"; reseller = "northwind-it"; }'), "no route leads to a webhook or to syslog"),
    (c.changed_hub("deployment.reseller", '"northwind-it"'), "Set the mode to reseller, or take the id away."),
    (c.changed_hub("operatorAddress", '"0.0.0.0:6767"'), "which others can reach, and the operator plane has no certificate"),
    (c.changed_hub("operator.certificateFile", '"/run/c.pem"'), "certificateFile and keyFile belong together"),
    (c.changed_hub("oidc.issuer", '"https://login.example"'), "issuer, client and secretFile belong together"),
    (c.changed_hub("archive.s3CredentialsFile", "/etc/hostname"), OF_HUB + "archive.s3CredentialsFile " + STORE),
    (c.changed_hub("alerts.channels", '{ rmm.webhook = { url = "https://r.example"; secretFile = /etc/hostname; }; }'), OF_HUB + "alerts.channels.rmm.webhook.secretFile " + STORE),
]
APPLIANCE = [
    ("services.compliance-appliance.sshAuthority = lib.mkForce null;", "Give the public key of the MSP's SSH user authority."),
    ("services.compliance-appliance.passwordFile = lib.mkForce /etc/hostname;", "services.compliance-appliance.passwordFile " + STORE),
    ("services.compliance-agent.egress.allow = lib.mkForce [ ];", "egress.allow is empty"),
]
# What is refused by its type, or because there is no such option.
TYPED = [
    (c.changed("tenant", '"River Side"'), "is not of type `null or an id: lower-case letters, digits and dashes, at most 40'"),
    (c.changed("hub.url", '"http://hub.example"'), "is not of type `null or an address such as https://hub.example:8443'"),
    (c.changed("mode", '"repair"'), 'is not of type `one of "observe", "enforce", "maintenance"\''),
    (c.changed("limits.orderLifetime", "901"), "is not of type `integer between 60 and 900 (both inclusive)'"),
    (c.changed("limits.clockErrorMs", "60000"), "is not of type `integer between 50 and 5000 (both inclusive)'"),
    (c.changed("window.from", '"25:00"'), "a time of day"),
    (c.changed("tags", '[ "Front desk" ]'), "a tag: lower-case letters, digits, dots and dashes"),
    (c.changed("window.days", "[ ]"), "is not of type"),
    (c.changed("catalogueDigest", '"sha256:abc"'), "a digest: sha256: and 64 hexadecimal digits"),
    (c.changed("logLevel", '"loud"'), "is not of type `one of"),
    (c.changed("allowDisruptiveOutsideWindow", "true"), "The option `services.compliance-agent.allowDisruptiveOutsideWindow' does not exist"),
    ("{ services.compliance-agent.egress.allow = [ { address = \"hub.example\"; port = 1; why = \"x\"; } ]; }", "is not of type"),
    ("{ networking.nftables.enabled = true; }", "The option `networking.nftables.enabled' does not exist"),
    ('{ systemd.services.suture-agent.wantedBy = "multi-user.target"; }', "is not of type"),
]


class Good(unittest.TestCase):
    def test_the_least_that_can_be_said(self):
        for name, configuration in (("agent", c.AGENT), ("hub", c.HUB)):
            self.assertEqual(nix.evaluate(configuration, modules=(name,))["failed"], [], name)

    def test_every_option(self):
        came = nix.evaluate(c.AGENT, c.FULL_AGENT, c.HUB, c.FULL_HUB)
        self.assertEqual(came["failed"], [])
        self.assertEqual(came["warnings"], [])
        self.assertGreater(came["set"], 90, "the types of what is set were looked at")

    def test_the_appliance(self):
        came = nix.evaluate(nix.TREE / "nix/appliance.nix", modules=("agent", "appliance"))
        self.assertEqual((came["failed"], came["warnings"]), ([], []))
        full = nix.evaluate(nix.TREE / "nix/appliance.nix", c.FULL_APPLIANCE, modules=("agent", "appliance"))
        self.assertEqual(full["failed"], [])
        self.assertGreater(came["set"], 70)
        table = came["tables"]["suture"]
        self.assertIn('udp dport 123 accept comment "time"', table)
        self.assertTrue(table.rstrip().endswith("counter reject with icmpx type admin-prohibited\n}\n}"), table)

    def test_nothing_is_set_where_neither_is_enabled(self):
        came = nix.evaluate("{ }")
        self.assertEqual((came["failed"], came["units"], came["etc"], came["tmpfiles"]), ([], {}, {}, []))


class Bad(unittest.TestCase):
    def refused(self, module, configuration, table):
        good = nix.evaluate(configuration, modules=(module,))["failed"]
        for change, says in table:
            with self.subTest(change):
                changes = (change,) if isinstance(change, str) else change
                failed = nix.evaluate(configuration, *changes, modules=(module,))["failed"]
                self.assertEqual(len(failed), 1, failed)
                self.assertIn(says, failed[0])
                self.assertNotIn(failed[0], good)

    def test_what_the_agent_s_module_refuses(self):
        self.refused("agent", c.AGENT, ASSERTED)

    def test_what_the_hub_s_module_refuses(self):
        self.refused("hub", c.HUB, ASSERTED_OF_HUB)

    def test_what_the_appliance_refuses(self):
        example = nix.TREE / "nix/appliance.nix"
        for change, says in APPLIANCE:
            failed = nix.evaluate(example, f"({{ lib, ... }}: {{ {change} }})", modules=("agent", "appliance"))["failed"]
            self.assertEqual(len(failed), 1, failed)
            self.assertIn(says, failed[0])

    def test_what_has_another_type_or_is_no_option(self):
        for change, says in TYPED:
            with self.subTest(change):
                with self.assertRaises(nix.Refused) as refused:
                    nix.evaluate(c.AGENT, c.FULL_AGENT, change, modules=("agent",))
                self.assertIn(says, str(refused.exception))
