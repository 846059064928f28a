#!/usr/bin/env python3
"""Declares, as a Nix module, NixOS's options below the prefixes with the types that the release documents.

With it nixpkgs' own lib evaluates a module without NixOS's tree, with its genuine errors: an option that is not there, a
value of another type, definitions that conflict. A type that cannot be told from the manual's words is `anything`.

  declare.py OPTIONS.json.xz PREFIX… >declared.nix
"""
import json
import lzma
import re
import sys

NAMED = {
    "boolean": "bool", "string": "str", "single-line string": "singleLineStr", "non-empty string": "nonEmptyStr",
    "package": "package", "absolute path": "path", "path": "path", "floating point number": "float",
    "raw value": "raw", "anything": "anything", 'strings concatenated with "\\n"': "lines",
    'strings concatenated with ","': "commas", "module": "deferredModule", "attribute set": "attrs",
    "signed integer": "int",
}


# Options that NixOS has and its manual leaves out (`visible`), as far as we set them; from their declarations.
UNDOCUMENTED = {
    # nixos/modules/system/boot/luksroot.nix
    "boot.initrd.luks.devices.<name>.crypttabExtraOpts": "list of string",
    # nixos/modules/system/activation/specialisation.nix: a whole configuration, which is not gone into
    "specialisation.<name>.configuration": "anything",
    # nixos/modules/system/boot/networkd.nix: as systemd.network.networks
    "boot.initrd.systemd.network.networks.<name>.matchConfig": "attribute set of (systemd option)",
    "boot.initrd.systemd.network.networks.<name>.networkConfig": "attribute set of (systemd option)",
}


def read(file):
    """Name to type, for every option of the release."""
    with lzma.open(file) as text:
        return {**{name: entry[0] for name, entry in json.load(text).items()}, **UNDOCUMENTED}


def parts(name):
    return [part.strip('"') for part in re.findall(r'"[^"]*"|[^.]+', name)]


def tree(types, prefixes):
    """The options as a tree; `*` stands for any name, and the empty key holds a type."""
    root = {}
    for name, kind in types.items():
        if any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes):
            node = root
            for part in parts(name):
                node = node.setdefault("*" if part == "*" or part.startswith("<") else part, {})
            node[""] = kind
    return root


def quoted(text):
    return json.dumps(text).replace("${", "\\${")


def unwrapped(kind):
    """Without the parentheses that are around all of it."""
    kind = kind.strip()
    depth = 0
    for index, letter in enumerate(kind):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return kind[1:-1] if kind.startswith("(") and index == len(kind) - 1 else kind
    return kind


def alternatives(kind):
    """Where ` or ` stands outside of any parentheses."""
    depth = 0
    for index, letter in enumerate(kind):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0 and kind.startswith(" or ", index):
            yield index


def one_of(words):
    plain = lambda word: word in ("true", "false", "null") or re.fullmatch(r"-?\d+", word)
    found = re.findall(r'"[^"]*"|[^,\s]+', words)
    return "(enum [ " + " ".join(w if plain(w) else quoted(w.strip('"')) for w in found) + " ])"


def expression(kind, node):
    """The type as Nix."""
    kind = unwrapped(kind)
    inner = node.get("*", {}) if "submodule" in kind else node
    if kind.startswith("null or "):
        return f"(nullOr {expression(kind[8:], node)})"
    if kind.startswith("list of "):
        return f"(listOf {expression(kind[8:], inner)})"
    if match := re.match(r"(lazy )?attribute set of ", kind):
        return f"({'lazyAttrsOf' if match.group(1) else 'attrsOf'} {expression(kind[match.end():], inner)})"
    if kind == "submodule":
        return submodule(node, None)
    if kind.startswith("open submodule of "):
        return submodule(node, expression(kind[len("open submodule of "):], {}))
    if kind.startswith("one of ") and " or " not in kind:
        return one_of(kind[len("one of "):])
    for index in alternatives(kind):
        return f"(either {expression(kind[:index], node)} {expression(kind[index + 4:], node)})"
    if (match := re.search(r"between (-?\d+) and (-?\d+)", kind)) and "integer" in kind:
        return f"(ints.between ({match.group(1)}) ({match.group(2)}))"
    if kind.startswith("unsigned integer"):
        return "ints.unsigned"
    if kind.startswith("positive integer"):
        return "ints.positive"
    if match := re.match(r"string matching the pattern (\S+)$", kind):
        return f"(strMatching {quoted(match.group(1))})"
    return NAMED.get(kind, "anything")


def submodule(node, free):
    inner = body({key: child for key, child in node.items() if key not in ("", "*")})
    free = f"freeformType = attrsOf {'anything' if free.startswith('(attrsOf') else free}; " if free else ""
    return f"(submodule {{ {free}options = {{ {inner} }}; }})"


def body(node):
    declared = []
    for key in sorted(key for key in node if key not in ("", "*")):
        child = node[key]
        if "" in child:
            declared.append(f"{quoted(key)} = o {expression(child[''], child)};")
        else:
            declared.append(f"{quoted(key)} = {{ {body(child)} }};")
    return "\n".join(declared)


def module(types, prefixes):
    return (
        "{ lib, ... }:\nlet o = type: lib.mkOption { type = lib.types.nullOr type; default = null; }; in\n"
        f"with lib.types; {{ options = {{ {body(tree(types, prefixes))} }}; }}\n"
    )


if __name__ == "__main__":
    sys.stdout.write(module(read(sys.argv[1]), sys.argv[2:]))
