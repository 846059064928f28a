#!/usr/bin/env python3
"""Writes modules/hipaa-v1.nix, and the subset of NixOS's options that the baseline's own test reads.

What a control of the baseline names as its NixOS option becomes that option's default. Options that add to others' lines
or lists are plain definitions, since a default would be dropped where anybody else adds something.
"""
import csv
import functools
import json
import pathlib
import re

import declare

TREE = pathlib.Path(__file__).resolve().parents[2]
MODULE = TREE / "modules/hipaa-v1.nix"
OPTIONS = TREE / "e2e/nix/options-25.11.json.xz"
SUBSET = TREE / "baseline/nixos-options-25.11.json"

# Controls whose option is an example for a person, or says that something is there which not every machine has.
LEFT_OUT = {
    "boot.initrd.luks.devices": "the disks of each machine have names of their own",
    "swapDevices": "the disks of each machine have names of their own",
    "services.nginx.enable": "not every machine serves pages",
    "services.postgresql.enable": "not every machine keeps a database",
    "services.openssh.enable": "not every machine is to be reached",
    "services.timesyncd.enable": "chrony keeps the time, and NixOS has one of them only",
    "security.acme": "whoever orders certificates accepts terms",
    "system.autoUpgrade": "when to rebuild, and whether to restart, is for a person",
    "users.mutableUsers": "where no user is declared with a key nobody could get in any more",
    "nix.gc.automatic": "what may be collected is for whoever keeps generations",
}
ADDS = ("strings concatenated", "list of")


def assignments():
    """(control, option, value) for each option that the baseline names, once."""
    seen = set()
    with open(TREE / "baseline/controls-map.csv", newline="") as file:
        for row in csv.DictReader(file):
            for text in row["nixos"].split("; "):
                if " = " in text and not text.startswith("none") and (row["control"], text) not in seen:
                    seen.add((row["control"], text))
                    yield (row["control"], *text.split(" = ", 1))


def same(names, path):
    """Whether an option of the release, whose names may stand for any, is at this path."""
    alike = (n == p or "*" in (n, p) or n.startswith("<") for n, p in zip(names, path))
    return len(names) == len(path) and all(alike)


@functools.cache
def names():
    """Each option of the release, in parts, by how many they are."""
    by_length = {}
    for name, kind in declare.read(OPTIONS).items():
        path = declare.parts(name)
        by_length.setdefault(len(path), []).append((path, name, kind))
    return by_length


def at(path):
    return next(((name, kind) for names_there, name, kind in names().get(len(path), []) if same(names_there, path)), None)


def declared(option):
    """The option of the release that an assignment is to: itself, a named one, or a free-form one above it."""
    parts = declare.parts(option)
    for end in range(len(parts), 0, -1):
        found = at(parts[:end])
        if found and (end == len(parts) or found[1].startswith("open submodule")):
            return (*found, end)
    raise SystemExit(f"baseline: NixOS has no option {option}")


def line(control, option, value):
    _, kind, end = declared(option)
    path = declare.parts(option)
    outermost = next(n for n in range(1, end + 1) if at(path[:n]))
    above = " ".join(declare.quoted(part) for part in path[:outermost])
    adds = kind.startswith(ADDS) and end == len(path)
    setting = f"{{ {option} = {value}; }}" if adds else f"{{ {option} = mkDefault {value}; }}"
    return f"  # {control}\n  (there [ {above} ] {setting})\n"


def module():
    left = {}
    lines = []
    for control, option, value in assignments():
        if reason := next((r for p, r in LEFT_OUT.items() if option.startswith(p)), None):
            left[option] = reason
        else:
            lines.append(line(control, option, value))
    return (
        "# Written by e2e/nix/baseline.py from baseline/hipaa-v1.yaml. Not by hand.\n"
        "#\n# Not declared here:\n"
        + "".join(f"# - {option}: {reason}\n" for option, reason in sorted(left.items()))
        + "{ lib, options }:\nlet\n  inherit (lib) mkDefault;\n"
        "  # An option that this release does not have is left out: the control is then a person's.\n"
        "  there = path: setting: lib.optionalAttrs (lib.hasAttrByPath path options) setting;\nin\n[\n"
        + "".join(lines) + "]\n"
    )


def subset():
    found = sorted({declared(option)[:2] for _, option, _ in assignments()})
    return "{\n" + ",\n".join(f" {json.dumps(name)}: {json.dumps(kind)}" for name, kind in found) + "\n}\n"


def made():
    return {MODULE: module(), SUBSET: subset()}


def stale():
    """Which of the two are not as they would be written. The formatter has had its say over the module."""
    same_text = lambda one, other: re.sub(r"\s+", "", one) == re.sub(r"\s+", "", other)
    return [path.name for path, text in made().items() if not path.exists() or not same_text(path.read_text(), text)]


if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text)
