// verify.html in headless Chromium, opened from its file: `node --test e2e/html/page.test.mjs` (needs chromium and Node 18 or later, and nothing else).
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Browser, PAGE } from "./browser.mjs";
import cases from "./cases.mjs";
import { makeEntries, makeKey, makeKit, zip } from "./forge.mjs";
import { verifierFromPage } from "./verify-many.mjs";

const crate = (path) => fileURLToPath(new URL(`../../crates/${path}`, import.meta.url));
const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));
/** All files below a folder. */
const filesBelow = (folder) => readdirSync(folder, { withFileTypes: true })
  .flatMap((each) => (each.isDirectory() ? filesBelow(join(folder, each.name)) : [join(folder, each.name)]));

let browser, page, folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "suture-kits-"));
  browser = await Browser.launch();
  page = await browser.openPage();
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

function written(bytes, name = "kit.zip") {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

// ── The file ─────────────────────────────────────────────────────────────────────────────────────────────────────────

test("the page is one file that names nothing outside itself, and its policy allows its own scripts only", () => {
  const html = readFileSync(PAGE, "utf8");
  const scripts = [...html.matchAll(/<script id="(\w+)">([\s\S]*?)<\/script>/g)].map(([, , text]) => text);
  assert.equal(scripts.length, 2);
  const hashes = scripts.map((text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`).join(" ");
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)[1];
  assert.equal(policy, `default-src 'none'; script-src ${hashes}; worker-src blob:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'`,
    "after a change to a script: node e2e/html/seal.mjs");
  assert.doesNotMatch(html, /https?:|<link|@import|url\(|\ssrc=|\shref=|innerHTML|insertAdjacentHTML|document\.write|\beval\b/);
  assert.ok(html.split("\n").length < 2500);
});

// ── The page's own functions, in the browser, against published vectors ──────────────────────────────────────────────

test("exactly 43 of the 914 CCTV signatures are accepted, and the browser's Ed25519 stands beside", async () => {
  const vectors = readJson(crate("tlog/vectors/ed25519/cctv.json"));
  const accepted = await page.call(`(vectors) => {
    const { strictVerify, fromHex } = sutureVerify;
    return vectors.filter(({ key, msg, sig }) => strictVerify(fromHex(key), new TextEncoder().encode(msg), fromHex(sig))).map(({ number }) => number);
  }`, vectors);
  assert.equal(vectors.length, 914);
  assert.equal(accepted.length, 43);
  assert.deepEqual(await page.evaluate("sutureVerify.selfTest()"), { ed25519: true, sha: true });
});

test("RFC 8785's own outputs are canonical, its inputs are not, and fractions are refused", async () => {
  const folder = crate("contract/vectors/jcs");
  const names = readdirSync(join(folder, "output"));
  assert.equal(names.length, 6);
  for (const name of names) {
    const canonical = (part) => page.call("(text) => sutureVerify.isCanonical(new TextEncoder().encode(text))", readFileSync(join(folder, part, name), "utf8"));
    assert.equal(await canonical("output"), name !== "values.json", name);
    assert.equal(await canonical("input"), false, name);
  }
});

test("canonical form is judged on the bytes", async () => {
  const bytes = (text) => [...Buffer.from(text, "latin1")];
  const good = ["null", "0", "-1", "9007199254740992", "-9007199254740992", "[]", "{}", '""', '"\\b\\t\\n\\f\\r\\"\\\\/\\u0000\\u000b\\u001f\x7f"', '{"":1,"a":[{}],"b":"\xc3\xa9"}',
    '{"\\t":1,"\\u0001":2}'.replace(/^.*$/, '{"\\u0001":2,"\\t":1}'), '{"\xf0\x9f\x98\x80":1,"\xef\xbf\xbd":2}', "[".repeat(32) + "]".repeat(32)];
  const bad = ["", " 1", "1 ", "-0", "01", "1.0", "1e3", "9007199254740993", "90071992547409920", "+1", "nul", "[1,]", "[,1]", "{,}", '{"a":1,}', '{"a":1,"a":1}', '{"b":1,"a":1}', '{"a" :1}',
    "{1:1}", '"\\/"', '"\\u000a"', '"\\u001F"', '"\\u0041"', '"\\u007f"', '"\n"', '"\xff"', '"\xc0\xaf"', '"\xed\xa0\x80"', '"\xf4\x90\x80\x80"', '"\xe2\x82"', '"\\ud83d\\ude00"', '"a', "[1",
    '{"a":1', "{}{}", '{"\xef\xbf\xbd":2,"\xf0\x9f\x98\x80":1}', "[".repeat(33) + "]".repeat(33)];
  const judge = (list) => page.call("(list) => list.map((bytes) => sutureVerify.isCanonical(Uint8Array.from(bytes)))", list.map(bytes));
  assert.deepEqual((await judge(good)).map((is, i) => [good[i], is]), good.map((text) => [text, true]));
  assert.deepEqual((await judge(bad)).map((is, i) => [bad[i], is]), bad.map((text) => [text, false]));
});

test("the published inclusion proofs are accepted and refused as they should be", async () => {
  const vectors = filesBelow(crate("tlog/vectors/merkle/inclusion")).map(readJson);
  assert.ok(vectors.length > 90, `${vectors.length} vectors`);
  const held = await page.call(`(vectors) => vectors.map(({ leafIdx, treeSize, root, leafHash, proof }) => {
    const bytes = (text) => sutureVerify.fromBase64(text ?? "") ?? new Uint8Array(0);
    return sutureVerify.inclusionHolds(leafIdx, treeSize, bytes(leafHash), (proof ?? []).map(bytes), bytes(root));
  })`, vectors);
  assert.deepEqual(held.map((is, i) => [vectors[i].desc, is]), vectors.map(({ desc, wantErr }) => [desc, !wantErr]));
});

test("SHA-2, CRC-32 and base64 are those of everybody else, at every length", () => {
  const verifier = verifierFromPage();
  for (let length = 0; length < 300; length++) {
    const bytes = randomBytes(length);
    assert.equal(verifier.toHex(verifier.sha256(bytes)), createHash("sha256").update(bytes).digest("hex"));
    assert.equal(verifier.toHex(verifier.sha512(bytes)), createHash("sha512").update(bytes).digest("hex"));
    assert.equal(verifier.toBase64(bytes), bytes.toString("base64"));
    assert.deepEqual(Buffer.from(verifier.fromBase64(bytes.toString("base64"))), bytes);
  }
  assert.equal(verifier.crc32(Buffer.from("123456789")), 0xcbf43926);
  for (const text of ["A", "AA", "AAA", "AA=A", "AB==", "AAB=", "AA==\n", "AA-_"]) assert.equal(verifier.fromBase64(text), null, text);
});

// ── Kits, through the file input ─────────────────────────────────────────────────────────────────────────────────────

test("every kit is judged as the format says, in the browser and without it alike", async () => {
  assert.ok(cases.length > 100);
  const verifier = verifierFromPage();
  for (const { name, bytes, brought, expected } of cases) {
    const { verdict, reason, index, exit_code, detail } = await page.verify(written(bytes), brought);
    assert.deepEqual({ name, verdict, reason, index }, { name, verdict: expected.verdicts[0], reason: expected.reasons[0] ?? null, index: expected.index }, detail);
    const beside = await verifier.verifyKit(new verifier.BlobSource(new Blob([bytes])), brought);
    assert.deepEqual([beside.verdict, beside.reason, beside.index, beside.exit_code], [verdict, reason, index, exit_code], name);
  }
});

const ORIGIN = "hub.example/h-1";
const key = makeKey(ORIGIN), kitKey = makeKey("hub.example/kits");
const log = { origin: ORIGIN, host: "h-1", ...makeEntries({ origin: ORIGIN, keys: [key], count: 300 }), signers: [key] };

test("every byte of a small kit's head, cover and records counts", async () => {
  const small = { ...log, ...makeEntries({ origin: ORIGIN, keys: [key], count: 3 }) };
  const bytes = zip(makeKit({ logs: [small], kitKey }));
  const verifier = verifierFromPage();
  const passed = [];
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] ^= 1 << (at % 8);
    const { exit_code } = await verifier.verifyKit(new verifier.BlobSource(new Blob([bytes])), { keys: [key.text], kit_key: kitKey.text });
    if (exit_code < 20) passed.push(at);
    bytes[at] ^= 1 << (at % 8);
  }
  assert.deepEqual(passed, []);
});

test("what a kit says of itself is shown as text", async () => {
  const edit = (cover) => { cover.tenant = "<img src=x onerror=document.title='owned'><b id=injected>"; cover.logs[0].site = "<script>document.title='owned'</script>"; };
  const answer = await page.verify(written(zip(makeKit({ logs: [log], kitKey, edit }))), { keys: [key.text] });
  assert.equal(answer.verdict, "intact_unwitnessed_tail");
  assert.equal(await page.evaluate("document.title"), "Verify an evidence kit");
  assert.equal(await page.evaluate("document.querySelectorAll('#injected, #result img, #result script').length"), 0);
  assert.match(await page.evaluate("document.getElementById('about').textContent"), /<b id=injected>/);
});

test("nothing verified looks and reads like failure", async () => {
  await page.verify(written(zip(makeKit({ logs: [log], kitKey }))), {});
  const shown = await page.evaluate(`(() => {
    const verdict = document.getElementById("verdict");
    return { text: verdict.textContent, look: verdict.className, focused: document.activeElement.id, hidden: document.getElementById("result").hidden };
  })()`);
  assert.equal(shown.look, "none");
  assert.match(shown.text, /Nothing verified.*This is a failure.*nothing_verified · no_trust · exit status 50/);
  assert.deepEqual([shown.focused, shown.hidden], ["result", false]);
});

test("the faulty record is named in words, in the table and in the JSON", async () => {
  const altered = cases.find(({ name }) => name === "a byte of a record");
  const answer = await page.verify(written(altered.bytes), altered.brought);
  assert.deepEqual([answer.verdict, answer.exit_code, answer.reason, answer.index], ["altered", 30, "hash_differs", 300]);
  assert.deepEqual([answer.logs[0].verdict, answer.logs[0].reason, answer.logs[0].index], ["altered", "hash_differs", 300]);
  assert.match(await page.evaluate("document.getElementById('verdict-title').textContent"), /^Altered at record 300$/);
  assert.match(await page.evaluate("document.querySelector('#logs tbody').textContent"), /hash_differs, index 300/);
});

test("every input has a label, every control can be reached by keyboard, and the verdict is announced", async () => {
  const fresh = await browser.openPage();
  assert.deepEqual(await fresh.evaluate("[...document.querySelectorAll('input, textarea')].filter((each) => each.labels.length === 0).map((each) => each.id)"), []);
  assert.deepEqual(await fresh.evaluate("[...document.querySelectorAll('input, textarea, button, summary')].filter((each) => each.tabIndex < 0).map((each) => each.id)"), []);
  assert.equal(await fresh.evaluate("document.querySelector('#verdict').getAttribute('role')"), "status");
  assert.equal(await fresh.evaluate("document.documentElement.lang"), "en");
  assert.equal(await fresh.evaluate("document.getElementById('verify').disabled"), true, "there is nothing to verify yet");
});

test("dropped files find their places", async () => {
  const fresh = await browser.openPage();
  const witness = makeKey("hub.example", 4), heads = makeKey("hub.example/heads");
  const texts = {
    "a.txt": `${key.text}\n${witness.text}\n${heads.text}\n${kitKey.text}\n`, "b.txt": `suture key log v1\n${ORIGIN}\n${key.text} 1 -\n`,
    "c.txt": "quorum none\n", "d.txt": `${ORIGIN}\n1\n${"A".repeat(43)}=\n`,
  };
  const filled = await fresh.call(`async (texts) => {
    const transfer = new DataTransfer();
    for (const [name, text] of Object.entries(texts)) transfer.items.add(new File([text], name));
    transfer.items.add(new File(["PK"], "kit.zip"));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
    while (document.getElementById("kit-name").value === "") await new Promise((resolve) => setTimeout(resolve, 5));
    return Object.fromEntries([...document.querySelectorAll("textarea")].map(({ id, value }) => [id, value]));
  }`, texts);
  assert.deepEqual(filled, {
    keys: `${key.text}\n`, heads: texts["d.txt"], policy: texts["c.txt"], witnesses: `${witness.text}\n`, key_logs: texts["b.txt"],
    kit_key: `${kitKey.text}\n`, heads_key: `${heads.text}\n`,
  });
});

// ── No network ───────────────────────────────────────────────────────────────────────────────────────────────────────

test("nothing is asked of any network, and the page could not if it wanted to", async () => {
  const fresh = await browser.openPage();
  await fresh.verify(written(zip(makeKit({ logs: [log], kitKey }))), { keys: [key.text] });
  assert.ok(fresh.requests.length >= 2, "the page and its worker are seen");
  assert.deepEqual(fresh.requests.filter((url) => !/^(file|blob):/.test(url)), []);
  // A page that is made to try: nothing arrives at a server that listens, and the policy is what stops it.
  let arrived = 0;
  const server = createServer((_, response) => { arrived++; response.end(); });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.on("upgrade", (_, socket) => { arrived++; socket.destroy(); });
  const stopped = await fresh.call(`async (url) => {
    const stopped = new Set();
    addEventListener("securitypolicyviolation", ({ effectiveDirective }) => stopped.add(effectiveDirective));
    const tries = [() => fetch(url), () => navigator.sendBeacon(url), () => new WebSocket(url.replace("http", "ws")),
      () => { document.body.append(Object.assign(new Image(), { src: url })); },
      () => { document.body.append(Object.assign(document.createElement("script"), { src: url })); },
      () => { document.body.append(Object.assign(document.createElement("iframe"), { src: url })); },
      () => { const form = Object.assign(document.createElement("form"), { action: url, method: "post", target: "_blank" }); document.body.append(form); form.submit(); },
      () => eval("1"), () => new Worker(url)];
    for (const attempt of tries) try { await attempt(); } catch { /* That it fails is the point. */ }
    const worker = new Worker(URL.createObjectURL(new Blob(["fetch('" + url + "').then(() => postMessage('reached'), () => postMessage('stopped'))"])));
    stopped.add(await new Promise((resolve) => { worker.onmessage = ({ data }) => resolve("worker " + data); }));
    await new Promise((resolve) => setTimeout(resolve, 200));
    return [...stopped].sort();
  }`, `http://127.0.0.1:${server.address().port}/`);
  server.close();
  assert.equal(arrived, 0);
  for (const directive of ["connect-src", "img-src", "script-src-elem", "frame-src", "script-src", "worker stopped"]) {
    assert.ok(stopped.includes(directive), `${directive} in ${stopped}`);
  }
});

// ── The runner for many kits ─────────────────────────────────────────────────────────────────────────────────────────

function runMany(cases, ...options) {
  const child = spawn(process.execPath, [fileURLToPath(new URL("verify-many.mjs", import.meta.url)), ...options], { stdio: ["pipe", "pipe", "ignore"] });
  let said = "";
  child.stdout.on("data", (data) => { said += data; });
  child.stdin.end(JSON.stringify(cases));
  return new Promise((resolve) => child.once("close", (status) => resolve({ status, lines: said.split("\n").filter(Boolean).map((line) => JSON.parse(line)) })));
}

test("the runner says what the page says, and fails when it should", async () => {
  const kit = written(zip(makeKit({ logs: [log], kitKey })), "many.zip");
  const good = { name: "good", kit, brought: { keys: [key.text] }, expected: { verdicts: ["intact_unwitnessed_tail"], reasons: [], index: null } };
  const wrong = { ...good, name: "wrong", expected: { verdicts: ["altered"], reasons: ["hash_differs"], index: 3 } };
  const line = { verdict: "intact_unwitnessed_tail", reason: "unwitnessed_tail", index: null, exit_code: 10 };
  assert.deepEqual(await runMany([good]), { status: 0, lines: [{ name: "good", ...line }] });
  for (const options of [[], ["--node"]]) {
    const { status, lines } = await runMany([good, wrong], ...options);
    assert.equal(status, 1);
    assert.deepEqual(lines.map(({ name, verdict, expected }) => [name, verdict, expected !== undefined]).sort(), [["good", line.verdict, false], ["wrong", line.verdict, true]]);
  }
  assert.equal((await runMany([])).status, 2);
});
