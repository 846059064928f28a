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

# Every byte of a kit flipped, every length cut, and 1 000 honest kits, judged by both verifiers. Takes hours; the gates run a sample.
tampered:
    SUTURE_FLIP_STEP=1 cargo nextest run --release --locked -p e2e --no-fail-fast
    ./e2e/agree 1 1000

# The writer, killed and failed at 100 000 seeded places; the gates run 1 000.
crash:
    SUTURE_CRASH_RUNS=100000 cargo test --release --locked -p evidence --lib seeded_crashes

# Any bytes as a policy file, for so many seconds. Needs a nightly toolchain and `cargo install cargo-fuzz`.
fuzz-policy seconds="300":
    mkdir -p crates/policy/fuzz/corpus/policy_file
    cp Cargo.lock crates/policy/fuzz/Cargo.lock  # the parser that is shipped, not a newer one
    cd crates/policy/fuzz && cargo +nightly fuzz run --fuzz-dir . policy_file corpus/policy_file ../corpus/policy -- -max_total_time={{seconds}} -max_len=4096 -timeout=10

# The verifier as one static file of at most 4 MiB, for people who have nothing of ours.
verify-static:
    RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked -p verify --bin suture-verify --target x86_64-unknown-linux-gnu

# Rewrite the sources in the one format.
fmt:
    cargo fmt --all

# Clippy as the gates run it.
lint:
    cargo clippy --locked --workspace --all-targets -- -D warnings

# Which crate may know which, and what the text of the tree may hold.
check-layers:
    cargo run -q -p xtask -- check

# The rules, and term similarity beside them, over the labelled incidents: docs/evaluation.md.
eval *options:
    cargo run -q --locked -p cli --bin suture -- planner eval {{options}}

# Every fault of the catalogue, or those named, done to a real machine, monit and CFEngine beside; what came of them goes into docs/faults.md, docs/faults.json and planner/eval/faults.jsonl. Needs Debian, root, chrony.
faults *ids:
    e2e/faults/run release --json docs/faults.json --page docs/faults.md --labelled planner/eval/faults.jsonl --beside {{ if ids == "" { "" } else { "--only " + ids } }}

# The same for those faults that need no machine of their own, in a container: no instruction is translated there.
faults-contained *ids:
    e2e/faults/run release --contained --json docs/faults-contained.json --page docs/faults-contained.md {{ if ids == "" { "" } else { "--only " + ids } }}

# So many minutes on one machine: a fault every twenty seconds, the network away for a third of the time, power cuts, a clock that jumps. The gates do four.
long minutes="60" seed="1":
    e2e/faults/run release --soak {{minutes}} --seed {{seed}} --soak-json docs/soak.json --long docs/soak.md

# Write baseline/controls-map.csv anew from the baseline; a test is red while it is stale.
controls-map:
    cargo run -q -p facts --example controls-map

# Write the list in docs/detectors.md anew from the detectors; a test is red while it is stale.
detectors-list:
    cargo run -q -p detectors --example detectors-list

# Write what is generated from the NixOS modules and the baseline anew (docs/nixos-options.md, modules/hipaa-v1.nix), and format; the gate is red while it is stale.
nixos:
    ./e2e/nix/check --write

# What is parsed from others' bytes, each target for so many seconds on one core; needs cargo-fuzz (cargo install cargo-fuzz --locked). No sanitizer: the crate has no unsafe code.
fuzz seconds="60":
    cd crates/contract/fuzz && for target in frame order runbook; do mkdir -p corpus/$target && RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir . -s none $target corpus/$target ../corpus/$target -- -max_total_time={{seconds}} -max_len=16384 -rss_limit_mb=1024 || exit 1; done

# The operator plane asked so many things for each operation, from a seed on; the gates ask ten.
api-fuzz examples="300" seed="1":
    ./e2e/api/fuzz {{examples}} {{seed}}

# Write docs/openapi.json anew from the routes; a test is red while it is stale.
openapi:
    cargo run -q -p hub --example openapi

# The measures, beside their goals.
bench:
    ./bench/run

# What a decision of the planner takes at 500 rules; red where it takes 50 µs or more.
bench-planner:
    cargo bench --locked -p planner --bench decide

# The console's page over five hundred sites, in the server alone; red where it takes 100 ms or more.
bench-fleet:
    ./bench/fleet

# What each guardrail refuses, and what happens where it is taken out.
guardrails:
    cargo test --quiet --locked -p executor --lib each_guardrail_keeps_something -- --nocapture

# The executor killed at so many random moments; the gates do 200.
killed times="2000":
    SUTURE_KILLS={{times}} cargo test --quiet --locked -p executor --test it killed_at_200 -- --nocapture

# Every test of confinement on Debian's kernel in a virtual machine, with cgroups of version 2; the gates run the attacks.
kernel:
    ./e2e/kernel sandbox

# The hub silent for the real five minutes, with real processes; the gates do the same with clocks that are set.
silent:
    SUTURE_SIX_MINUTES=1 cargo nextest run --locked -p cli -E 'test(alone)'

# Bytes, orders, runbooks and policies of any kind, each for so many seconds.
fuzz-all seconds="120":
    just fuzz {{seconds}}
    just fuzz-policy {{seconds}}

# The agent under 100 000 lines a second with no more than 64 MiB, by a cgroup of a kernel in a virtual machine.
storm seconds="15":
    SUTURE_MEASURE=1 SUTURE_SECONDS={{seconds}} ./e2e/kernel agent cost::running::storm --exact

# The agent under 500 lines a second for so many seconds: its memory must not grow.
soak seconds="1800":
    SUTURE_MEASURE=1 SUTURE_SECONDS={{seconds}} cargo test --release --quiet --locked -p agent --test it cost::running::soak -- --exact --nocapture

# Logs in a directory of so many files; the gates do 5 000.
crowd files="1000000":
    SUTURE_FILES={{files}} cargo test --release --quiet --locked -p agent --test it logs::crowd -- --nocapture --test-threads 1

# The log reader killed at so many moments; the gates do 25.
killed-reading times="300":
    SUTURE_LOG_KILLS={{times}} cargo test --quiet --locked -p agent --test it killed::a_kill -- --nocapture

# What a hub carries: so many hosts that poll, beat and report, for so many seconds; then all at once; then killed under load. Red where something is lost or done twice; with 10000 hosts also where a goal is missed. The files that it needs open: three a host.
bench-hub hosts="1000" seconds="60":
    cargo bench --locked -p hub --bench load -- {{hosts}} {{seconds}}

# So many half-open handshakes at once, which keep nobody out; the gates do 1 000.
half-open times="10000":
    SUTURE_HALF_OPEN={{times}} cargo test --quiet --locked -p hub --test it half_open -- --nocapture

# The hub killed under load at so many random moments; the gates do 5.
hub-killed times="100":
    SUTURE_HUB_KILLS={{times}} cargo test --quiet --locked -p hub --test it killed:: -- --nocapture

# So many messages behind an embedded queue: what opening it takes; the gates do 200 000. Ten million need 4 GB of disk.
queue-deep messages="10000000":
    SUTURE_QUEUE_DEEP={{messages}} cargo test --release --quiet --locked -p queue --test it deep:: -- --nocapture

# A process that publishes and works off, killed at so many random moments; the gates do 40.
queue-killed times="2000":
    SUTURE_QUEUE_KILLS={{times}} cargo test --quiet --locked -p queue --test it killed::a_process -- --nocapture

# Sample documents, set, and their pages drawn to be looked at; needs poppler-utils.
pages directory="target/pages":
    cargo run -q -p suture-typeset --example pages -- {{directory}}
