// A real hub with real machines, each process the built binary, in a directory of its own; nothing needs root.
import { execFile, spawn } from "node:child_process";
import { createHmac, generateKeyPairSync } from "node:crypto";
import { appendFileSync, chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";

const run = promisify(execFile);
const TARGET = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL("../../target", import.meta.url));
const BINARIES = resolve(process.env.SUTURE_BIN ?? join(TARGET, "debug"));
const binary = (name) => join(BINARIES, name);

/** One process that goes on running, and what it says in events. */
class Process {
  constructor(name, args, folder, program = binary(name)) {
    this.name = name;
    this.events = [];
    this.waiting = [];
    this.child = spawn(program, [...args, "--events"], { stdio: ["ignore", "pipe", "pipe"] });
    this.ended = new Promise((done) => this.child.once("close", done));
    const log = join(folder, `${name}.log`);
    this.child.stderr.on("data", (data) => appendFileSync(log, data));
    let rest = "";
    this.child.stdout.on("data", (data) => {
      const lines = (rest + data).split("\n");
      rest = lines.pop();
      for (const line of lines) this.take(line);
    });
    this.ended.then((code) => { for (const { reject } of this.waiting.splice(0)) reject(new Error(`${name} ended (${code}): ${readFileSync(log, "utf8").slice(-2000)}`)); });
  }

  take(line) {
    let event;
    try { event = JSON.parse(line); } catch { return; }
    this.events.push(event);
    for (const waiting of [...this.waiting]) {
      const found = waiting.wanted(event);
      if (found === undefined) continue;
      this.waiting.splice(this.waiting.indexOf(waiting), 1);
      waiting.resolve(found);
    }
  }

  /** The first event for which `wanted` answers something, past ones included. */
  event(wanted, within = 30_000) {
    for (const event of this.events) {
      const found = wanted(event);
      if (found !== undefined) return Promise.resolve(found);
    }
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${this.name} did not say it within ${within} ms; it said ${JSON.stringify(this.events.slice(-5))}`)), within);
      const end = (then) => (value) => { clearTimeout(late); then(value); };
      this.waiting.push({ wanted, resolve: end(resolve), reject: end(reject) });
    });
  }

  async stop(signal = "SIGTERM") {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill(signal);
    const late = setTimeout(() => this.child.kill("SIGKILL"), 8000);
    await this.ended;
    clearTimeout(late);
  }
}

/** The field of an event of this kind. */
const said = ({ event }, kind) => event?.[kind];

export class Rig {
  static async start(args = []) {
    const folder = mkdtempSync(join(tmpdir(), "suture-console-"));
    const rig = new Rig(folder);
    await rig.startHub(args);
    return rig;
  }

  constructor(folder) {
    Object.assign(this, { folder, machines: [] });
  }

  async startHub(args = []) {
    const operator = this.operator ?? "127.0.0.1:0";
    const device = this.device ?? "127.0.0.1:0";
    this.hub = new Process("suture-hub", ["serve", "--dir", join(this.folder, "hub"), "--device", device, "--operator", operator, ...args], this.folder);
    const ready = await this.hub.event((event) => said(event, "hub_ready"));
    Object.assign(this, { device: ready.device, operator: ready.operator, url: `http://${ready.operator}` });
  }

  firstRun() {
    return this.hub.event((event) => said(event, "first_run")?.link);
  }

  /** Enrols a machine with a sheet, and starts its two processes. */
  async machine(name, sheet, more = "") {
    const folder = join(this.folder, name);
    const at = (path) => join(folder, path);
    mkdirSync(at("agent/keys"), { recursive: true, mode: 0o700 });
    for (const path of ["", "agent", "agent/keys"]) chmodSync(at(path), 0o700);
    writeFileSync(at("sheet.json"), JSON.stringify(sheet), { mode: 0o600 });
    const init = await run(binary("suture-executor"), ["init", "--sheet", at("sheet.json"), "--dir", at("executor"), "--socket", at("run/executor.sock"),
      "--agent-uid", String(process.getuid()), "--agent-keys", at("agent/keys"), "--enforce", "RB-FILE-001-own-directories"]);
    appendFileSync(at("executor/executor.yaml"), more);
    await run(binary("suture-agent"), ["enrol", "--unsealed", "--sheet", at("sheet.json"), "--dir", at("agent"), "--evidence-key", init.stdout.trim()]);
    const quoted = JSON.stringify;
    writeFileSync(at("agent.yaml"), `hub: "https://localhost:${this.device.split(":").pop()}"\ndir: ${quoted(at("agent"))}\nsocket: ${quoted(at("run/executor.sock"))}\n`
      + `executor_uid: ${process.getuid()}\nown:\n  evidence: ${quoted(at("executor/evidence"))}\n  executor_keys: ${quoted(at("executor/keys"))}\n  agent_keys: ${quoted(at("agent/keys"))}\n`, { mode: 0o600 });
    const machine = new Machine(folder, init.stdout.trim());
    await machine.start();
    this.machines.push(machine);
    return machine;
  }

  async stop() {
    await Promise.all(this.machines.map((machine) => machine.stop()));
    await this.hub.stop();
    if (!process.env.SUTURE_KEEP) rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export class Machine {
  constructor(folder, key) {
    Object.assign(this, { folder, key, evidence: join(folder, "executor/evidence") });
  }

  async start() {
    this.executor = new Process("suture-executor", ["run", "--config", join(this.folder, "executor/executor.yaml")], this.folder);
    await this.executor.event((event) => said(event, "executor_ready"));
    this.agent = new Process("suture-agent", ["run", "--config", join(this.folder, "agent.yaml")], this.folder);
  }

  /** Lets anybody read the evidence: a control fails, and its runbook repairs it. */
  loosen() {
    chmodSync(this.evidence, 0o755);
  }

  /** Another program in place of the agent: it does the same, and its bytes are others. */
  async swapAgent() {
    await this.agent.stop();
    const program = join(this.folder, "suture-agent");
    copyFileSync(binary("suture-agent"), program);
    appendFileSync(program, "laid in its place");
    this.agent = new Process("suture-agent", ["run", "--config", join(this.folder, "agent.yaml")], this.folder, program);
  }

  async stop() {
    await this.agent?.stop();
    await this.executor?.stop();
  }
}

/** The shipped runbooks, of which one asks for a person. */
export function askingRunbooks(folder, which) {
  const shipped = fileURLToPath(new URL("../../runbooks", import.meta.url));
  cpSync(shipped, folder, { recursive: true, filter: (path) => !/\.(?!yaml$)[a-z]+$/.test(path) });
  const path = join(folder, readdirSync(folder).find((name) => name.startsWith(which)));
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace("approval: none", "approval: one_person"));
  if (!text.includes("approval: none")) throw new Error(`${which} asks for somebody already`);
  return folder;
}

/** A person's key for approvals: the file that holds it, and its public half as machines pin it. */
export function approvalKey(path) {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { d, x } = privateKey.export({ format: "jwk" });
  writeFileSync(path, `${Buffer.from(d, "base64url").toString("hex")}\n`, { mode: 0o600 });
  return { path, pinned: Buffer.from(x, "base64url").toString("hex") };
}

/** The six digits of RFC 6238 for a secret in base 32. */
export function digits(secret, at = Date.now()) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const sum = createHmac("sha1", key).update(step).digest();
  const offset = sum[sum.length - 1] & 15;
  return String((sum.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
