# The index of commands. `just` alone lists them; every recipe is one line that works without just, too.

_list:
    @just --list --unsorted

# The whole loop once, on this machine: find, heal, prove.
try *options:
    ./try {{options}}

# Every gate: format, lints, tests, layers, tidiness, dependencies.
test:
    ./test

# Everything, unoptimised.
build:
    cargo build --locked --workspace --all-targets

# Rewrite the sources in the one format.
fmt:
    cargo fmt --all

# Clippy as the gates run it.
lint:
    cargo clippy --locked --workspace --all-targets -- -D warnings

# Which crate may know which, and what the text of the tree may hold.
check-layers:
    cargo run -q -p xtask -- check

# Write baseline/controls-map.csv anew from the baseline; a test is red while it is stale.
controls-map:
    cargo run -q -p facts --example controls-map

# The measures, beside their goals.
bench:
    ./bench/run
