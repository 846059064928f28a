// Makes kits, honest or not, out of nothing but docs/evidence-format.md and Node's own cryptography: what the page says of them is known beforehand.
import { createHash, generateKeyPairSync, sign } from "node:crypto";

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
export const leafHash = (entry) => sha256(Buffer.of(0), entry);
const innerHash = (left, right) => sha256(Buffer.of(1), left, right);

const known = new WeakMap();

/** RFC 6962 §2.1, as it is written there; what was asked once is remembered, for a log only grows. */
export function treeHash(leaves) {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0];
  if (known.get(leaves)?.size === leaves.length) return known.get(leaves).hash;
  const half = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  const hash = innerHash(treeHash(leaves.slice(0, half)), treeHash(leaves.slice(half)));
  known.set(leaves, { size: leaves.length, hash });
  return hash;
}

/** RFC 6962 §2.1.1. */
export function inclusionProof(index, leaves) {
  if (leaves.length === 1) return [];
  const half = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  return index < half
    ? [...inclusionProof(index, leaves.slice(0, half)), treeHash(leaves.slice(half))]
    : [...inclusionProof(index - half, leaves.slice(half)), treeHash(leaves.slice(0, half))];
}

/** Plain objects as RFC 8785 writes them: enough for what is made here. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
}

/** A key with a name: type 1 signs notes, type 4 cosigns. */
export function makeKey(name, type = 1) {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = Buffer.concat([Buffer.of(type), publicKey.export({ format: "der", type: "spki" }).subarray(-32)]);
  const id = sha256(`${name}\n`, raw).subarray(0, 4);
  return { name, type, id, privateKey, text: `${name}+${id.toString("hex")}+${raw.toString("base64")}` };
}

/** The time of the record at an index: one a minute. */
export const timeOf = (index) => new Date(Date.UTC(2026, 0, 1) + index * 60_000).toISOString();

/** When kits are exported: after all records. An honest exporter has every head cosigned afresh then (§8), in whole seconds. */
export const EXPORTED_AT = timeOf(100_000);
export const seconds = (time) => Math.floor(Date.parse(time) / 1000);

function signatureLine(key, text, at) {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(at));
  const payload = key.type === 1
    ? sign(null, Buffer.from(text), key.privateKey)
    : Buffer.concat([time, sign(null, Buffer.from(`cosignature/v1\ntime ${at}\n${text}`), key.privateKey)]);
  return `\u2014 ${key.name} ${Buffer.concat([key.id, payload]).toString("base64")}\n`;
}

export const note = (text, keys, at = seconds(EXPORTED_AT)) => `${text}\n${keys.map((key) => signatureLine(key, text, at)).join("")}`;
export const headText = (origin, leaves) => `${origin}\n${leaves.length}\n${treeHash(leaves).toString("base64")}\n`;

/**
 * The entries of a log. `alter(record, index)` may change a record before it is written (and followed), or answer other bytes;
 * `rotate` maps an index to the key that is named there and takes over behind it.
 */
export function makeEntries({ origin, keys, count, alter = () => {}, rotate = {} }) {
  const entries = [], leaves = [];
  let inForce = keys[0], named = null;
  for (let index = 0; index < count; index++) {
    let kind = index === 0 ? "opened" : "intent", details = index === 0 ? { key: keys[0].text } : { step: "é\n\"" };
    if (named) {
      kind = "key_taken";
      details = { handover: note(headText(origin, leaves), [inForce]), key: named.text };
      inForce = named;
      named = null;
    } else if (rotate[index]) {
      kind = "key_named";
      named = rotate[index];
      details = { key: named.text };
    }
    const record = {
      clock: index % 2 ? "unknown" : { synchronised_within_ms: index }, details, digests: { order: `sha256:${"0".repeat(64)}` }, format: 1, kind,
      origin, prev: index === 0 ? null : leaves[index - 1].toString("hex"), seq: index, subject: "unit/nginx", time: timeOf(index),
    };
    const bytes = alter(record, index) ?? Buffer.from(canonical(record));
    entries.push(bytes);
    leaves.push(leafHash(bytes));
  }
  return { entries, leaves };
}

const groups = (n) => String(n).padStart(Math.ceil(String(n).length / 3) * 3, "0").match(/.../g)
  .map((group, i, all) => (i < all.length - 1 ? "x" : "") + group).join("/");
export const tilePath = (level, n, width) => `tile/${level}/${groups(n)}${width < 256 ? `.p/${width}` : ""}`;

export function bundle(entries) {
  return Buffer.concat(entries.flatMap((entry) => [Buffer.of(entry.length >> 8, entry.length & 255), entry]));
}

/** The files of a log's folder that §8 asks for, for the bundles from `first` to `end`. */
function logFiles({ entries, leaves, first, end }) {
  const files = {}, size = leaves.length;
  for (let at = first; at < end; at += 256) {
    const width = Math.min(256, size - at);
    files[tilePath("entries", at / 256, width)] = bundle(entries.slice(at, at + width));
    files[tilePath(0, at / 256, width)] = Buffer.concat(leaves.slice(at, at + width));
  }
  const tail = size % 256;
  if (tail) files[tilePath(0, (size - tail) / 256, tail)] = Buffer.concat(leaves.slice(size - tail));
  let hashes = leaves;
  for (let level = 1; hashes.length >= 256; level++) {
    hashes = Array.from({ length: Math.floor(hashes.length / 256) }, (_, n) => treeHash(hashes.slice(256 * n, 256 * n + 256)));
    for (let n = 0; n * 256 < hashes.length; n++) {
      const part = hashes.slice(256 * n, 256 * n + 256);
      files[tilePath(level, n, part.length)] = Buffer.concat(part);
    }
  }
  return files;
}

/**
 * A kit: `{files, trust}`. Each of `logs` is `{origin, host, entries, leaves, first?, end?, signers, cosigners?, cosignedAt?, head?, headsProof?}`;
 * `edit(cover)` may change kit.json's value before it is written and signed.
 */
export function makeKit({ logs, period, kitKey, documents = { "README.txt": Buffer.from("read me\n") }, edit = () => {} }) {
  const files = { ...documents };
  const listed = { ...documents };
  const described = logs.map(({ first = 0, ...log }) => {
    const { end = log.leaves.length, origin, host } = log;
    const text = log.head ?? headText(origin, log.leaves);
    files[`logs/${host}/checkpoint`] = Buffer.from(note(text, [...log.signers, ...(log.cosigners ?? [])], log.cosignedAt));
    if (log.headsProof) listed[`logs/${host}/head.tlog-proof`] = files[`logs/${host}/head.tlog-proof`] = Buffer.from(log.headsProof);
    for (const [name, bytes] of Object.entries(logFiles({ ...log, first, end }))) files[`logs/${host}/${name}`] = bytes;
    return { end, first, host, origin, root: treeHash(log.leaves).toString("base64"), site: "s-1", size: log.leaves.length };
  });
  const cover = {
    export: { by: "An Exporter", id: "e-1", time: EXPORTED_AT },
    files: Object.fromEntries(Object.entries(listed).map(([name, bytes]) => [name, `sha256:${sha256(bytes).toString("hex")}`])),
    format: 1, kind: "suture-kit", logs: described, period: period ?? { from: timeOf(0), to: timeOf(1_000_000) }, tenant: "clinic",
  };
  edit(cover);
  files["kit.json"] = Buffer.from(canonical(cover));
  files["kit.note"] = Buffer.from(note(`suture kit v1\n${sha256(files["kit.json"]).toString("hex")}\n`, [kitKey]));
  return files;
}

const CRC = Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});
const crc32 = (bytes) => ~bytes.reduce((crc, byte) => CRC[(crc ^ byte) & 255] ^ (crc >>> 8), -1) >>> 0;

/** The container of §8, from files by name. `order` and `header` allow what no honest exporter does. */
export function zip(files, { names = Object.keys(files).sort(), header = () => {} } = {}) {
  const locals = [], central = [];
  let at = 0;
  for (const name of names) {
    const bytes = files[name];
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(10, 0);
    fields.writeUInt16LE(0x21, 8);
    fields.writeUInt32LE(crc32(bytes), 10);
    fields.writeUInt32LE(bytes.length, 14);
    fields.writeUInt32LE(bytes.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(at, 10);
    header(name, fields);
    locals.push(Buffer.from("PK\x03\x04", "latin1"), fields, Buffer.from(name), bytes);
    central.push(Buffer.from("PK\x01\x02\x14\x00", "latin1"), fields, tail, Buffer.from(name));
    at += 30 + name.length + bytes.length;
  }
  const directory = Buffer.concat(central), end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(names.length, 8);
  end.writeUInt16LE(names.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, directory, end]);
}
