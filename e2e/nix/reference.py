#!/usr/bin/env python3
"""Writes docs/nixos-options.md from the modules' own declarations."""
import nix

HEAD = """# Options of the NixOS modules

Written from `modules/` by `just nixos`; the gate is red while it is stale. How to use them: [nixos.md](nixos.md).

"""


def inline(text):
    return "none" if text is None else "`" + " ".join(text.split()) + "`"


def entry(option):
    return "\n".join([
        f"### `{option['name']}`\n",
        " ".join(option["description"].split()) + "\n",
        f"- type: {' '.join(option['type'].split())}",
        f"- default: {inline(option['default'])}",
        f"- example: {inline(option['example'])}\n",
    ])


def page(options):
    outer = [o for o in options if not any(o["name"].startswith(other["name"] + ".") for other in options)]
    count = lambda service: len([o for o in outer if o["name"].startswith(f"services.compliance-{service}.")])
    parts = [HEAD + f"The agent's module has {count('agent')} options, the appliance's {count('appliance')}, the hub's {count('hub')}; what they hold stands below them.\n"]
    for title, prefix in (("The clinic's machine", "services.compliance-agent."), ("The appliance", "services.compliance-appliance."), ("The hub", "services.compliance-hub.")):
        parts.append(f"\n## {title}\n")
        parts.extend(entry(o) for o in sorted(options, key=lambda o: o["name"]) if o["name"].startswith(prefix))
    return "\n".join(parts)


if __name__ == "__main__":
    (nix.TREE / "docs/nixos-options.md").write_text(page(nix.reference()))
