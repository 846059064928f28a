// Kits and what must be said of them, each with the rule of docs/evidence-format.md that it breaks or keeps.
import { EXPORTED_AT, bundle, canonical, headText, inclusionProof, leafHash, makeEntries, makeKey, makeKit, note, seconds, timeOf, treeHash, zip } from "./forge.mjs";

const ORIGIN = "hub.example/h-1", OTHER = "hub.example/h-2";
/** A key whose ID has a letter, so that it could be spelled in two ways. */
function makeLetteredKey(name) {
  const made = makeKey(name);
  return /[a-f]/.test(made.id.toString("hex")) ? made : makeLetteredKey(name);
}
const key = makeLetteredKey(ORIGIN), second = makeLetteredKey(ORIGIN), third = makeKey(ORIGIN), stranger = makeKey(ORIGIN), otherKey = makeKey(OTHER);
const kitKey = makeKey("hub.example/kits"), headsKey = makeKey("hub.example/heads");
const hub = makeKey("hub.example", 4), outside = makeKey("accountant.example/w", 4);
const COUNT = 600;

const honest = makeEntries({ origin: ORIGIN, keys: [key], count: COUNT });
const rotated = makeEntries({ origin: ORIGIN, keys: [key], count: COUNT, rotate: { 100: second, 400: third } });
const log = (made = honest, more = {}) => ({ origin: ORIGIN, host: "h-1", ...made, signers: [key], cosigners: [hub, outside], ...more });
const rotatedLog = (more = {}) => log(rotated, { signers: [third], ...more });
const kit = (logs = [log()], more = {}) => makeKit({ logs, kitKey, ...more });
const head = (made = honest, size = made.leaves.length) => headText(ORIGIN, made.leaves.slice(0, size));
const policy = (rule) => `witness hub ${hub.text}\nwitness outside ${outside.text}\ngroup g ${rule} hub outside\nquorum g\n`;
const keyLog = (...lines) => `suture key log v1\n${ORIGIN}\n${lines.join("\n")}\n`;
const BROUGHT = { keys: [key.text], witnesses: [hub.text, outside.text], kit_key: kitKey.text };

const cases = [];
/** `files` are zipped as §8 asks for, unless `bytes` are given. */
function expect(name, verdict, reason, index, { files = kit(), bytes = zip(files), brought = BROUGHT }) {
  cases.push({ name, bytes, brought, expected: { verdicts: [verdict], reasons: reason ? [reason] : [], index } });
}
const intact = (name, what = {}) => expect(name, "intact_witnessed", null, null, what);
const unwitnessed = (name, what) => expect(name, "intact_unwitnessed_tail", "unwitnessed_tail", null, what);
const altered = (name, reason, index, what) => expect(name, "altered", reason, index, what);
const incomplete = (name, reason, index, what) => expect(name, "incomplete", reason, index, what);
const nothing = (name, reason, what) => expect(name, "nothing_verified", reason, null, what);

const linesOf = (signed) => signed.match(/\u2014 [^]*$/)[0];
/** The same key with its ID in capitals, which is no verifier key. */
const spelledOtherwise = (text) => text.replace(/\+[0-9a-f]{8}\+/, (id) => id.toUpperCase());

/** The honest kit with some of its files changed; null takes one away. */
function withFiles(changes, files = kit()) {
  for (const [name, change] of Object.entries(changes)) {
    const bytes = typeof change === "function" ? change(Buffer.from(files[name])) : change;
    if (bytes === null) delete files[name]; else files[name] = Buffer.from(bytes);
  }
  return files;
}
const FOLDER = "logs/h-1/";
const BUNDLE = `${FOLDER}tile/entries/001`;
/** The honest kit with the second bundle made of other entries; `tiles` has the level-0 tile follow them. */
function withEntries(change, tiles = false) {
  const entries = honest.entries.slice(256, 512);
  const made = change(entries) ?? entries;
  return withFiles({ [BUNDLE]: bundle(made), ...(tiles ? { [`${FOLDER}tile/0/001`]: Buffer.concat(made.map(leafHash)) } : {}) });
}
const flip = (at) => (bytes) => { bytes[at] ^= 1; return bytes; };
const edited = (entry, from, to) => Buffer.from(entry.toString().replace(from, to));

// ── §10, step 1: trust ───────────────────────────────────────────────────────────────────────────────────────────────
intact("honest");
unwitnessed("no witness given", { brought: { keys: [key.text] } });
unwitnessed("quorum not reached", { files: kit([log(honest, { cosigners: [hub] })]), brought: { keys: [key.text], policy: policy("all") } });
intact("one witness is enough where any will do", { files: kit([log(honest, { cosigners: [hub] })]), brought: { keys: [key.text], policy: policy("any") } });
unwitnessed("quorum none", { brought: { keys: [key.text], policy: "quorum none\n" } });
expect("a policy, and a witness's key beside it", null, null, null, { brought: { ...BROUGHT, policy: policy("any") } });
intact("the key comes from the policy", { brought: { policy: `log ${key.text}\n${policy("2")}` } });
nothing("nothing given", "no_trust", { brought: {} });
nothing("only the kit key given", "no_trust", { brought: { kit_key: kitKey.text } });
nothing("only witnesses given", "no_trust", { brought: { witnesses: [hub.text] } });
nothing("only a heads key given", "no_trust", { brought: { heads_key: headsKey.text } });
nothing("all but what counts for a log is given, and the kit is none", "no_trust",
  { bytes: Buffer.from("kit"), brought: { kit_key: kitKey.text, heads_key: headsKey.text, policy: policy("any") } });
nothing("a witness's key as a log's", "wrong_kind_of_key", { brought: { keys: [hub.text] } });
nothing("a log's key as a witness's", "wrong_kind_of_key", { brought: { keys: [key.text], witnesses: [key.text] } });
nothing("a log's key as the kit key", "wrong_kind_of_key", { brought: { keys: [key.text], kit_key: key.text } });
nothing("a key of another log only", "no_trust", { brought: { keys: [otherKey.text] } });
incomplete("a log that was expected is not there", "log_missing", null, { brought: { ...BROUGHT, keys: [key.text, otherKey.text] } });
nothing("two earlier heads disagree", "trust_disagrees",
  { brought: { ...BROUGHT, heads: [head(), head(rotated)] } });
nothing("an earlier head of nothing", "outside_head_empty", { brought: { heads: [head(honest, 0)] } });
nothing("an earlier head with a false signature", "outside_head_signature",
  { brought: { ...BROUGHT, heads: [note(head(), [key]).replace(/\n600\n/, "\n601\n")] } });
expect("a key that is none", null, null, null, { brought: { keys: ["hub.example/h-1+00000000+AAAA"] } });
expect("a key's ID in capitals", null, null, null, { brought: { ...BROUGHT, keys: [spelledOtherwise(key.text)] } });
nothing("an earlier head with a false cosignature", "receipt_invalid", { brought: { ...BROUGHT, heads: [note(head(honest, 300), [key]) + linesOf(note(head(), [hub]))] } });
expect("a policy with an unknown name", null, null, null, { brought: { keys: [key.text], policy: "quorum nobody\n" } });

// ── §10, step 2: the head ────────────────────────────────────────────────────────────────────────────────────────────
const CHECKPOINT = `${FOLDER}checkpoint`;
nothing("no head", "no_head", { files: withFiles({ [CHECKPOINT]: null }) });
altered("a head that is no note", "head_malformed", null, { files: withFiles({ [CHECKPOINT]: head() }) });
altered("a head of four lines", "head_malformed", null, { files: kit([log(honest, { head: `${head()}more\n` })]) });
nothing("a head of another origin", "other_log", { files: kit([log(honest, { head: headText(OTHER, honest.leaves) })]) });
altered("a false signature on the head", "head_signature", null, { files: withFiles({ [CHECKPOINT]: (bytes) => bytes.toString().replace("\n600\n", "\n601\n") }) });
altered("the key's line twice", "head_signature", null, { files: kit([log(honest, { signers: [key, key] })]) });
nothing("signed by another key of the same name", "not_signed_by_key", { files: kit([log(honest, { signers: [stranger] })]) });
altered("kit.json gives another size", "kit_differs", null, { files: kit([log()], { edit: (cover) => { cover.logs[0].root = Buffer.alloc(32).toString("base64"); } }) });
altered("kit.json gives a larger size", "kit_differs", null, {
  files: kit([log({ entries: honest.entries.slice(0, 512), leaves: honest.leaves.slice(0, 512) })], { edit: (cover) => { cover.logs[0].size = 768; } }),
});
nothing("a key is given, and an earlier head that is the head: its signature is asked for all the same", "not_signed_by_key",
  { files: kit([log(honest, { signers: [stranger] })]), brought: { ...BROUGHT, heads: [head()] } });
nothing("a key log without the signer, and an earlier head that is the head", "not_signed_by_key",
  { brought: { ...BROUGHT, keys: [], key_logs: [keyLog(`${second.text} 1 -`)], heads: [head()] } });
nothing("a revoked key, and an earlier head that is the head", "key_revoked",
  { brought: { ...BROUGHT, keys: [], key_logs: [keyLog(`${key.text} 1 599`)], heads: [head()] } });
altered("a false line of a listed key beside a good one of the key in force", "head_signature", null, {
  files: withFiles({ [CHECKPOINT]: note(head(), [key, hub, outside]) + linesOf(note(head(rotated), [second])) }),
  brought: { ...BROUGHT, keys: [], key_logs: [keyLog(`${key.text} 1 600`, `${second.text} 601 -`)] },
});
intact("an earlier head that is the head", { files: kit([log(honest, { signers: [stranger] })]), brought: { ...BROUGHT, keys: [], heads: [head()] } });
incomplete("only an earlier head", "tail_not_covered", 300, { brought: { heads: [head(honest, 300)] } });
incomplete("only an earlier head, and a smaller witnessed size", "tail_not_covered", 450, {
  files: kit([log(honest, { cosigners: [] })]), brought: { ...BROUGHT, keys: [], heads: [note(head(honest, 300), [key, hub, outside]), head(honest, 450)] },
});
incomplete("only an earlier head, and a witness that the quorum does not think enough", "tail_not_covered", 300, {
  files: kit([log(honest, { cosigners: [hub] })]), brought: { ...BROUGHT, keys: [], heads: [head(honest, 300)] },
});
intact("an earlier head, and witnesses for the rest", { brought: { ...BROUGHT, keys: [], heads: [head(honest, 300)] } });

// ── §6: keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────
const handedOver = kit([rotatedLog()]);
intact("hand-overs lead from the first key to the signer", { files: handedOver });
intact("the last key is given", { files: handedOver, brought: { ...BROUGHT, keys: [third.text] } });
nothing("a key that was replaced signs on", "not_signed_by_key", { files: kit([rotatedLog({ signers: [key] })]) });
intact("a key log", { files: handedOver, brought: { ...BROUGHT, keys: [], key_logs: [keyLog(`${key.text} 1 101`, `${second.text} 102 401`, `${third.text} 402 -`)] } });
nothing("a revoked key", "key_revoked", { files: handedOver, brought: { ...BROUGHT, keys: [], key_logs: [keyLog(`${third.text} 402 599`)] } });
nothing("a key log without the signer", "not_signed_by_key", { files: handedOver, brought: { ...BROUGHT, keys: [], key_logs: [keyLog(`${key.text} 1 -`)] } });
nothing("a key that the key log does not list", "trust_disagrees", { files: handedOver, brought: { ...BROUGHT, key_logs: [keyLog(`${third.text} 402 -`)] } });
const taking = (alter) => {
  const made = makeEntries({ origin: ORIGIN, keys: [key], count: COUNT, rotate: { 100: second }, alter });
  return { files: kit([log(made, { signers: [second] })]) };
};
altered("a hand-over that the old key did not sign", "key_handover", 101,
  taking((record, i) => { if (i === 101) record.details.handover = record.details.handover.replace(/\u2014 [^]*$/, linesOf(note(headText(ORIGIN, rotated.leaves.slice(0, 101)), [second]))); }));
const handOver = (size, made) => taking((record, i) => {
  if (i === 101) record.details.handover = note(`${ORIGIN}\n${size}\n${treeHash(made.leaves.slice(0, size)).toString("base64")}\n`, [key]);
});
altered("a hand-over at another size", "key_handover", 101, handOver(100, honest));
altered("a hand-over of another history", "key_handover", 101, handOver(101, honest));
nothing("hand-overs that no given key began", "not_signed_by_key", { files: handedOver, brought: { ...BROUGHT, keys: [stranger.text] } });
altered("a hand-over to another key than was named", "key_handover", 101, taking((record, i) => { if (i === 101) record.details.key = third.text; }));
altered("a hand-over to the same key, its ID in capitals", "key_handover", 101, taking((record, i) => { if (i === 101) record.details.key = spelledOtherwise(second.text); }));
altered("a hand-over of a key whose ID is in capitals in both", "key_handover", 101, taking((record, i) => { if (i === 100 || i === 101) record.details.key = spelledOtherwise(second.text); }));
altered("a key is named, and something else with it", "key_handover", 101, taking((record, i) => { if (i === 100) record.details.reason = "new"; }));
altered("a key is taken, and something else with it", "key_handover", 101, taking((record, i) => { if (i === 101) record.details.reason = "new"; }));
altered("the first record takes a key", "key_handover", 0, {
  files: kit([log(makeEntries({ origin: ORIGIN, keys: [key], count: 3, alter: (record, i) => {
    if (i === 0) Object.assign(record, { kind: "key_taken", details: { handover: note(headText(ORIGIN, []), [key]), key: second.text } });
  } }), { signers: [second] })]),
  brought: { ...BROUGHT, keys: [second.text] },
});
altered("a key that is named and not taken", "key_handover", 100, taking((record, i) => { if (i === 101) { record.kind = "intent"; record.details = {}; } }));
altered("a key that is taken and was not named", "key_handover", 101, taking((record, i) => { if (i === 100) { record.kind = "intent"; record.details = {}; } }));
altered("a record between the two of a hand-over is altered", "hash_differs", 100, {
  files: withFiles({ [`${FOLDER}tile/entries/000`]: bundle(rotated.entries.slice(0, 256).map((entry, i) => (i === 100 ? edited(entry, "unit/nginx", "unit/nginy") : entry))) }, kit([rotatedLog()])),
});
intact("a key that is named last is in force no longer than it was", { files: kit([log(makeEntries({ origin: ORIGIN, keys: [key], count: 300, rotate: { 299: second } }))]) });

// ── §5: cosignatures; §9: the log of heads ───────────────────────────────────────────────────────────────────────────
altered("a false cosignature", "cosignature_invalid", null,
  { files: withFiles({ [CHECKPOINT]: note(head(), [key]) + linesOf(note(head(rotated), [hub])) }) });
const siteHeads = [head(rotated, 5), head(honest, 300), head(), "x"].map((text) => leafHash(Buffer.from(text)));
function headsProof(index, text, { leaves = siteHeads, signers = [headsKey, outside] } = {}) {
  const hashes = inclusionProof(index, leaves).map((hash) => `${hash.toString("base64")}\n`).join("");
  const extra = Buffer.from(text).toString("base64");
  return `c2sp.org/tlog-proof@v1\nextra ${extra}\nindex ${index}\n${hashes}\n${note(headText(headsKey.name, leaves), signers)}`;
}
const proved = (proof, brought = {}) => ({ files: kit([log(honest, { cosigners: [hub], headsProof: proof })]), brought: { ...BROUGHT, heads_key: headsKey.text, ...brought } });
intact("a witness of the log of heads", proved(headsProof(2, head())));
unwitnessed("a witness of the log of heads, of an earlier head", proved(headsProof(1, head(honest, 300))));
unwitnessed("without a heads key its proof is left aside", proved(headsProof(2, head()), { heads_key: null }));
incomplete("only an earlier head, and a larger witnessed size by way of the log of heads", "tail_not_covered", 300, {
  files: kit([log(honest, { cosigners: [], headsProof: headsProof(1, head(honest, 300), { signers: [headsKey, hub, outside] }) })]),
  brought: { ...BROUGHT, keys: [], heads: [head(honest, 200)], heads_key: headsKey.text },
});
altered("a proof that does not lead to the root", "heads_proof", null, proved(headsProof(1, head())));
altered("a proof that the log of heads did not sign", "heads_proof", null, proved(headsProof(2, head(), { signers: [outside] })));
expect("the log of heads saw another history", "fork", "outside_head_differs", null,
  proved(headsProof(0, head(rotated, 300), { leaves: [leafHash(Buffer.from(head(rotated, 300)))] })));
const longer = makeEntries({ origin: ORIGIN, keys: [key], count: COUNT + 9 });
altered("a proof about more than there is", "heads_proof", null, proved(headsProof(0, head(longer), { leaves: [leafHash(Buffer.from(head(longer)))] })));

// ── §10, steps 4 and 5: entries and tiles ────────────────────────────────────────────────────────────────────────────
altered("a byte of a record", "hash_differs", 300, { files: withEntries((entries) => { entries[44] = edited(entries[44], "unit/nginx", "unit/nginy"); }) });
altered("a blank in a record", "not_canonical", 300, { files: withEntries((entries) => { entries[44] = edited(entries[44], ":", ": "); }) });
altered("a key twice", "not_canonical", 300, { files: withEntries((entries) => { entries[44] = edited(entries[44], '"kind":"intent"', '"kind":"intent","kind":"intent"'); }) });
altered("an unknown key", "not_a_record", 300, { files: withEntries((entries) => { entries[44] = edited(entries[44], '"kind":"intent"', '"kind":"intent","l":1'); }) });
altered("a day that never was", "not_a_record", 300, { files: withEntries((entries) => { entries[44] = edited(entries[44], /2026-01-\d\d/, "2026-02-30"); }) });
altered("no prev", "not_a_record", 300, { files: withEntries((entries) => { entries[44] = edited(entries[44], /"prev":"[0-9a-f]*"/, '"prev":null'); }) });
altered("another origin", "origin_differs", 300, { files: withEntries((entries) => { entries[44] = edited(entries[44], ORIGIN, OTHER); }) });
altered("a record dropped", "sequence_differs", 300, { files: withEntries((entries) => { entries.splice(44, 1); }) });
altered("a record doubled", "sequence_differs", 301, { files: withEntries((entries) => { entries.splice(44, 0, entries[44]); entries.pop(); }) });
altered("two records swapped", "sequence_differs", 300, { files: withEntries((entries) => { [entries[44], entries[45]] = [entries[45], entries[44]]; }) });
altered("another prev", "previous_differs", 300, { files: withEntries((entries) => { entries[44] = edited(entries[44], /"prev":"../, '"prev":"zz'.replace("zz", honest.leaves[299].toString("hex").startsWith("00") ? "11" : "00")); }) });
incomplete("the last record of a bundle dropped", "record_missing", 511, { files: withEntries((entries) => { entries.pop(); }) });
altered("a bundle cut short", "bundle_cut_short", 511, { files: withFiles({ [BUNDLE]: (bytes) => bytes.subarray(0, -1) }) });
altered("bytes after a bundle", "bytes_after_bundle", 512, { files: withFiles({ [BUNDLE]: (bytes) => Buffer.concat([bytes, Buffer.of(0)]) }) });
incomplete("a bundle missing", "bundle_missing", 256, { files: withFiles({ [BUNDLE]: null }) });
altered("a bundle missing, and an earlier record altered", "hash_differs", 3, {
  files: withFiles({ [BUNDLE]: null, [`${FOLDER}tile/entries/000`]: bundle(honest.entries.slice(0, 256).map((entry, i) => (i === 3 ? edited(entry, "nginx", "nginy") : entry))) }),
});
altered("a record and its tile altered", "successor_differs", 300, { files: withEntries((entries) => { entries[44] = edited(entries[44], "nginx", "nginy"); }, true) });
altered("the last record and its tile altered", "root_differs", null, {
  files: (() => {
    const entries = honest.entries.slice(512);
    entries[87] = edited(entries[87], "nginx", "nginy");
    return withFiles({ [`${FOLDER}tile/entries/002.p/88`]: bundle(entries), [`${FOLDER}tile/0/002.p/88`]: Buffer.concat(entries.map(leafHash)) });
  })(),
});
const signedBadly = makeEntries({ origin: ORIGIN, keys: [key], count: COUNT, alter: (record, i) => (i === 20 ? Buffer.from(canonical(record).replace(":", ": ")) : undefined) });
altered("signed, and malformed", "signed_but_malformed", 20, { files: kit([log(signedBadly)]) });
altered("signed, and malformed, and a later record altered", "signed_but_malformed", 20, {
  files: withFiles({ [BUNDLE]: bundle(signedBadly.entries.slice(256, 512).map((entry, i) => (i === 44 ? edited(entry, "nginx", "nginy") : entry))) }, kit([log(signedBadly)])),
});
const signedTooLong = makeEntries({ origin: ORIGIN, keys: [key], count: 30, alter: (record, i) => { if (i === 20) record.details = { long: "x".repeat(17000) }; } });
altered("signed, and too long", "signed_but_malformed", 20, { files: kit([log(signedTooLong)]) });
altered("a level-0 tile altered", "tile_differs", null, { files: withFiles({ [`${FOLDER}tile/0/001`]: flip(70) }) });
altered("a level-1 tile altered", "tile_differs", null, { files: withFiles({ [`${FOLDER}tile/1/000.p/2`]: flip(3) }) });
incomplete("a level-0 tile missing", "tile_missing", null, { files: withFiles({ [`${FOLDER}tile/0/001`]: null }) });
incomplete("a level-1 tile missing", "tile_missing", null, { files: withFiles({ [`${FOLDER}tile/1/000.p/2`]: null }) });
altered("a tile too many", "unexpected_file", null, { files: withFiles({ [`${FOLDER}tile/1/001`]: Buffer.alloc(8192) }) });

// ── §8: ranges and the period ────────────────────────────────────────────────────────────────────────────────────────
const long = makeEntries({ origin: ORIGIN, keys: [key], count: 66_000 });
const ranged = (made, first, end, from, to, more = {}) => kit([log(made, { first, end, ...more })], { period: { from: timeOf(from), to: timeOf(to) } });
intact("a range of a long log", { files: ranged(long, 512, 1024, 600, 900), brought: { ...BROUGHT, heads: [head(long, 700), head(long, 512), head(long, 2560), head(long, 65_900)] } });
intact("an earlier head that cannot be compared", { files: ranged(long, 512, 1024, 600, 900), brought: { ...BROUGHT, heads: [head(long, 100)] } });
incomplete("a period cut at its beginning", "period_cut", null, { files: ranged(long, 512, 1024, 500, 900) });
incomplete("a period cut at its end", "period_cut", null, { files: ranged(long, 512, 1024, 600, 1024) });
const cosignedAt = (at, more = {}) => ({ files: kit([log(honest, { cosignedAt: at })], more) });
const UNTIL_SOON = { period: { from: timeOf(0), to: timeOf(700) } };
incomplete("all of the log, last witnessed a second before the export", "period_cut", null, cosignedAt(seconds(EXPORTED_AT) - 1));
incomplete("all of the log, last witnessed a second before the period's end", "period_cut", null, cosignedAt(seconds(timeOf(700)) - 1, UNTIL_SOON));
intact("all of the log, witnessed at the period's end, before the export", cosignedAt(seconds(timeOf(700)), UNTIL_SOON));
intact("all of the log, witnessed in the second of the export", cosignedAt(seconds(EXPORTED_AT), { edit: (cover) => { cover.export.time = EXPORTED_AT.replace(".000Z", ".999Z"); } }));
intact("all of the log, long witnessed, and a record after the period's end", cosignedAt(seconds(timeOf(10)), { period: { from: timeOf(0), to: timeOf(599) } }));
intact("all of the log, long witnessed, and since then again in an earlier head", {
  ...cosignedAt(seconds(timeOf(600))), brought: { ...BROUGHT, heads: [note(head(), [key, hub])] },
});
incomplete("all of the log, long witnessed, and since then less of it", "period_cut", null, {
  ...cosignedAt(seconds(timeOf(600))), brought: { ...BROUGHT, heads: [note(head(honest, 599), [key, hub])] },
});
intact("all of the log, long witnessed, and since then again by way of the log of heads",
  { files: kit([log(honest, { cosignedAt: seconds(timeOf(600)), headsProof: headsProof(2, head()) })]), brought: { ...BROUGHT, heads_key: headsKey.text } });
unwitnessed("nobody witnessed the end, so nobody is late", { files: kit([log(honest, { cosignedAt: seconds(timeOf(600)) })]), brought: { keys: [key.text] } });
expect("an earlier head in a range differs", "fork", "outside_head_differs", null,
  { files: ranged(long, 512, 1024, 600, 900), brought: { ...BROUGHT, heads: [`${ORIGIN}\n2560\n${treeHash(honest.leaves).toString("base64")}\n`] } });
altered("a hash of level 1 outside the range altered", "root_differs", null,
  { files: withFiles({ [`${FOLDER}tile/1/000`]: flip(0) }, ranged(long, 512, 1024, 600, 900)) });
incomplete("a tile of level 1 missing from a range", "tile_missing", null, { files: withFiles({ [`${FOLDER}tile/1/000`]: null }, ranged(long, 512, 1024, 600, 900)) });
altered("a record of a range altered", "hash_differs", 700, {
  files: withFiles({ [`${FOLDER}tile/entries/002`]: bundle(long.entries.slice(512, 768).map((entry, i) => (i === 188 ? edited(entry, "nginx", "nginy") : entry))) }, ranged(long, 512, 1024, 600, 900)),
});
intact("a hand-over that is not in the range", { files: ranged(rotated, 512, 600, 520, 590, { signers: [third] }), brought: { ...BROUGHT, keys: [third.text] } });
nothing("a hand-over that is not in the range, and the first key", "not_signed_by_key", { files: ranged(rotated, 512, 600, 520, 590, { signers: [third] }) });
intact("a hand-over in a range", { files: ranged(rotated, 256, 600, 300, 590, { signers: [third] }), brought: { ...BROUGHT, keys: [second.text] } });

// ── §10, step 6: outsiders ───────────────────────────────────────────────────────────────────────────────────────────
intact("an earlier head", { brought: { ...BROUGHT, heads: [head(honest, 300)] } });
expect("an earlier head of another history", "fork", "outside_head_differs", null, { brought: { ...BROUGHT, heads: [head(rotated, 300)] } });
expect("an earlier head of another history, signed too", "fork", "two_heads_signed", null, { brought: { ...BROUGHT, heads: [note(head(rotated, 300), [key])] } });
// In `rotated` the first key signs heads up to 101, the second up to 401.
const alsoSigned = (size, by, reason) => expect(`another history of ${size} records, signed by the ${by === key ? "first" : "second"} key of three`, "fork", reason, null,
  { files: handedOver, brought: { ...BROUGHT, heads: [note(head(honest, size), [by])] } });
alsoSigned(101, key, "two_heads_signed");
alsoSigned(102, key, "outside_head_differs");
alsoSigned(101, second, "outside_head_differs");
alsoSigned(102, second, "two_heads_signed");
alsoSigned(401, second, "two_heads_signed");
alsoSigned(402, second, "outside_head_differs");
const listed = (range) => ({ ...BROUGHT, keys: [], key_logs: [keyLog(`${key.text} ${range}`, `${third.text} 402 -`)], heads: [note(head(honest, 300), [key])] });
expect("another history, signed by a key that the key log lists for its size", "fork", "two_heads_signed", null, { files: handedOver, brought: listed("1 300") });
expect("another history, signed by a key that the key log lists for other sizes", "fork", "outside_head_differs", null, { files: handedOver, brought: listed("1 299") });
incomplete("an earlier head of more", "rolled_back", null, { brought: { ...BROUGHT, heads: [head(longer)] } });
unwitnessed("witnesses of an earlier head only", { files: kit([log(honest, { cosigners: [] })]), brought: { ...BROUGHT, heads: [note(head(honest, 300), [key, hub, outside])] } });

// ── §8: the cover, the documents and the container ───────────────────────────────────────────────────────────────────
const pair = (more = {}) => [log(), { origin: OTHER, host: "h-2", ...makeEntries({ origin: OTHER, keys: [otherKey], count: 10 }), signers: [otherKey], cosigners: [hub, outside], ...more }];
intact("two logs", { files: kit(pair()), brought: { ...BROUGHT, keys: [key.text, otherKey.text] } });
nothing("two logs, and a key of one", "no_trust", { files: kit(pair()) });
altered("two logs, a key of one, and the other's head malformed", "head_malformed", null, { files: withFiles({ "logs/h-2/checkpoint": "x" }, kit(pair())) });
nothing("no logs", "no_logs", { files: kit([]) });
altered("kit.note of another kit.json", "kit_differs", null, { files: withFiles({ "kit.json": (bytes) => bytes.toString().replace('"clinic"', '"clinix"') }) });
altered("kit.note altered", "kit_signature", null, { files: withFiles({ "kit.note": (bytes) => bytes.toString().replace(/\n[0-9a-f]{64}\n/, `\n${"0".repeat(64)}\n`) }) });
altered("kit.note by another key", "kit_signature", null, { files: makeKit({ logs: [log()], kitKey: makeKey("hub.example/kits") }) });
intact("a kit that nobody known signed, and no kit key", { files: makeKit({ logs: [log()], kitKey: makeKey("hub.example/kits") }), brought: { ...BROUGHT, kit_key: null } });
altered("kit.json with a blank", "kit_malformed", null, { files: withFiles({ "kit.json": (bytes) => bytes.toString().replace(":", ": ") }) });
altered("kit.json with another key", "kit_malformed", null, { files: kit([log()], { edit: (cover) => { cover.more = 1; } }) });
for (const name of ["logs/h-1/checkpoint", "logs/h-1/tile/0/001", "logs/h-9/checkpoint", "logs/h-9/tile/0/001"]) {
  altered(`kit.json lists ${name}`, "kit_malformed", null, { files: kit([log()], { edit: (cover) => { cover.files[name] = `sha256:${"0".repeat(64)}`; } }) });
}
altered("no kit.note", "kit_malformed", null, { files: withFiles({ "kit.note": null }) });
altered("a document altered", "document_differs", null, { files: withFiles({ "README.txt": "read this\n" }) });
incomplete("a document missing", "document_missing", null, { files: withFiles({ "README.txt": null }) });
altered("a document too many", "unexpected_file", null, { files: withFiles({ "documents/more.json": "{}" }) });
altered("a folder of a log too many", "unexpected_file", null, { files: withFiles({ "logs/h-9/checkpoint": note(head(), [key]) }) });
const honestZip = zip(kit());
const at = (name) => honestZip.indexOf(name) + name.length;
altered("a damaged document", "file_damaged", null, { bytes: flip(at("README.txt"))(Buffer.from(honestZip)) });
altered("a damaged record is the tree's to name", "not_canonical", 256, { bytes: flip(at(BUNDLE) + 2)(Buffer.from(honestZip)) });
altered("a wrong CRC beside good records", "file_damaged", null, { bytes: zip(kit(), { header: (name, fields) => { if (name === BUNDLE) fields[10] ^= 1; } }) });
altered("bytes after the zip", "not_a_kit", null, { bytes: Buffer.concat([honestZip, Buffer.of(0)]) });
altered("bytes before the zip", "not_a_kit", null, { bytes: Buffer.concat([Buffer.of(0), honestZip]) });
altered("a zip cut short", "not_a_kit", null, { bytes: honestZip.subarray(0, -100) });
altered("no zip at all", "not_a_kit", null, { bytes: Buffer.from("kit") });
altered("bytes between files and directory", "not_a_kit", null, {
  bytes: (() => {
    const directory = honestZip.readUInt32LE(honestZip.length - 6), made = Buffer.concat([honestZip.subarray(0, directory), Buffer.of(0), honestZip.subarray(directory)]);
    made.writeUInt32LE(directory + 1, made.length - 6);
    return made;
  })(),
});
altered("an end record that points elsewhere", "not_a_kit", null, { bytes: (() => { const made = Buffer.from(honestZip); made[made.length - 10] ^= 1; return made; })() });
altered("compressed", "not_a_kit", null, { bytes: zip(kit(), { header: (name, fields) => { if (name === BUNDLE) fields[4] = 8; } }) });
altered("encrypted", "not_a_kit", null, { bytes: zip(kit(), { header: (name, fields) => { if (name === BUNDLE) fields[2] = 1; } }) });
altered("a local header that differs", "not_a_kit", null, { bytes: (() => { const made = Buffer.from(honestZip); made[at(BUNDLE) - BUNDLE.length - 20] ^= 1; return made; })() });
altered("out of order", "not_a_kit", null, { bytes: zip(kit(), { names: Object.keys(kit()).sort().reverse() }) });
altered("a name twice", "not_a_kit", null, { bytes: zip(kit(), { names: ["README.txt", ...Object.keys(kit()).sort()] }) });
altered("a way out", "not_a_kit", null, { files: withFiles({ "../README.txt": "x" }) });

/** Keys are fresh in every run, so nothing can come to hang on certain ones. */
export default cases;
