"""Evaluates our modules with Nix, within limits: a type error that prints a package set can take all the memory there is."""
import atexit
import functools
import json
import os
import pathlib
import subprocess
import tempfile

import declare

TREE = pathlib.Path(__file__).resolve().parents[2]
HERE = TREE / "e2e/nix"
OPTIONS = HERE / "options-25.11.json.xz"
MODULES = {"agent": TREE / "modules/compliance-agent.nix", "hub": TREE / "modules/hub.nix", "appliance": TREE / "modules/appliance.nix"}
LIMITS = ["prlimit", "--as=6000000000", "timeout", "-s", "KILL", "60"]


class Refused(Exception):
    """What Nix said when it refused an expression."""


def run(*arguments):
    """Nix in a store of its own, so that it needs no privilege and leaves nothing behind."""
    with tempfile.TemporaryDirectory() as store:
        # Below `root` the store keeps its name; nothing in it outlives the call.
        environment = {**os.environ, "HOME": store, "NIX_REMOTE": f"local?root={store}", "NIX_CONFIG": "build-users-group ="}
        done = subprocess.run([*LIMITS, "nix-instantiate", *arguments], env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise Refused(done.stderr)
    return done.stdout


def value(expression):
    return json.loads(run("--eval", "--strict", "--json", "--expr", expression))


@functools.cache
def lib():
    """nixpkgs' own lib/ (23.11), out of the crate that carries it."""
    manifest = str(HERE / "nixlib/Cargo.toml")
    subprocess.run(["cargo", "fetch", "--locked", "--quiet", "--manifest-path", manifest], check=True)
    said = subprocess.run(["cargo", "metadata", "--locked", "--offline", "--format-version", "1", "--manifest-path", manifest],
                          check=True, stdout=subprocess.PIPE).stdout
    crate = next(p for p in json.loads(said)["packages"] if p["name"] == "nixdoc")
    scratch = pathlib.Path(scratch_directory()) / "nixpkgs"
    scratch.mkdir()
    (scratch / ".version").write_text("23.11")
    (scratch / "lib").symlink_to(pathlib.Path(crate["manifest_path"]).parent / "src/tests/fixtures")
    return scratch / "lib"


@functools.cache
def scratch_directory():
    kept = tempfile.TemporaryDirectory()
    atexit.register(kept.cleanup)
    return kept.name


@functools.cache
def declared():
    """NixOS's own options, as far as we set them."""
    prefixes = (HERE / "prefixes").read_text().split()
    file = pathlib.Path(scratch_directory()) / "declared.nix"
    file.write_text(declare.module(declare.read(OPTIONS), prefixes))
    return file


def evaluate(*configurations, modules=("agent", "hub")):
    """What comes of configurations: expressions of Nix, or files."""
    ours = [str(MODULES[name]) for name in modules]
    theirs = [str(c) if isinstance(c, pathlib.Path) else f"({c})" for c in configurations]
    return value(f"import {HERE}/evaluate.nix {{ lib = import {lib()}; declared = {declared()}; modules = [ {' '.join(ours + theirs)} ]; }}")


@functools.cache
def reference():
    """What our options say of themselves."""
    # The appliance's module sets things wherever it is imported; a good machine is evaluated with it.
    return evaluate(TREE / "nix/appliance.nix", modules=tuple(MODULES))["reference"]
