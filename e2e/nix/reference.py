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
    agent = [o for o in outer if "-agent." in o["name"]]
    parts = [HEAD + f"The agent's module has {len(agent)} options, the hub's {len(outer) - len(agent)}; what they hold is listed below them.\n"]
    for title, prefix in (("The clinic's machine", "services.compliance-agent."), ("The hub", "services.compliance-hub.")):
        parts.append(f"\n## {title}\n")
        parts.extend(entry(o) for o in sorted(options, key=lambda o: o["name"]) if o["name"].startswith(prefix))
    return "\n".join(parts)


if __name__ == "__main__":
    (nix.TREE / "docs/nixos-options.md").write_text(page(nix.evaluate("{ }")["reference"]))
