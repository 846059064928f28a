// Runs verify.html over many kits: `node verify-many.mjs [--node] [--tabs N] [CASES.json]` (standard input where no file is named).
//
// CASES is a JSON array, or one JSON object a line: `{"name", "kit": <path>, "brought": {keys, key_logs, heads, witnesses, policy, kit_key,
// heads_key}, "expected"?: {verdicts, reasons, index?}}`; all of `brought` is text, or lists of text; no reasons, or no index, ask for none in
// particular. One JSON line a case comes out: `{name, verdict, reason, index, exit_code}`, and where something else was expected, `expected` and
// `detail` beside them.
// `--node` runs the same script without a browser. Exit status: 0 all as expected; 1 some not; 2 there was nothing to run, or no way to run it.
import { readFileSync } from "node:fs";
import vm from "node:vm";
import { Browser, PAGE } from "./browser.mjs";

/** The page forgets what it holds after so many kits: a fresh tab costs less than what builds up. */
const KITS_PER_TAB = 500;

function readCases(text) {
  if (text.trim().startsWith("[")) return JSON.parse(text);
  return text.split("\n").filter((line) => line.trim() !== "").map((line) => JSON.parse(line));
}

function asExpected({ verdict, reason, index }, expected) {
  if (!expected) return true;
  const reasons = expected.reasons ?? [];
  return expected.verdicts.includes(verdict) && (reasons.length === 0 || reasons.includes(reason))
    && (expected.index == null || expected.index === index);
}

/** The verifier's script, as it stands in the page, run here. */
export function verifierFromPage() {
  const script = /<script id="verifier">([\s\S]*?)<\/script>/.exec(readFileSync(PAGE, "utf8"))[1];
  vm.runInThisContext(script, { filename: "verify.html" });
  return globalThis.sutureVerify;
}

async function* tabs(browser) {
  for (;;) {
    const page = await browser.openPage();
    for (let i = 0; i < KITS_PER_TAB; i++) yield page;
    await browser.send("Target.closeTarget", { targetId: page.targetId });
  }
}

async function inBrowser(cases, count, say) {
  const browser = await Browser.launch();
  try {
    let next = 0;
    await Promise.all(Array.from({ length: count }, async () => {
      const supply = tabs(browser);
      for (let at; (at = next++) < cases.length;) {
        const { value: page } = await supply.next();
        say(cases[at], await page.verify(cases[at].kit, cases[at].brought ?? {}));
      }
    }));
  } finally {
    await browser.close();
  }
}

async function inNode(cases, say) {
  const verifier = verifierFromPage();
  for (const each of cases) {
    const source = new verifier.BlobSource(new Blob([readFileSync(each.kit)]));
    say(each, await verifier.verifyKit(source, each.brought ?? {}));
  }
}

async function main(words) {
  const option = (name) => { const at = words.indexOf(name); return at >= 0 && words.splice(at, 1).length > 0; };
  const node = option("--node");
  const at = words.indexOf("--tabs");
  const count = at < 0 ? 2 : Number(words.splice(at, 2)[1]);
  const cases = readCases(readFileSync(words[0] ?? 0, "utf8"));
  if (cases.length === 0) throw new Error("there are no cases");
  const begin = performance.now();
  let wrong = 0;
  const say = ({ name, kit, expected }, { verdict, reason, index, exit_code, detail }) => {
    const met = asExpected({ verdict, reason, index }, expected);
    if (!met) wrong++;
    process.stdout.write(`${JSON.stringify({ name: name ?? kit, verdict, reason, index, exit_code, ...(met ? {} : { expected, detail }) })}\n`);
  };
  await (node ? inNode(cases, say) : inBrowser(cases, count, say));
  const seconds = (performance.now() - begin) / 1000;
  process.stderr.write(`${cases.length} kits in ${seconds.toFixed(1)} s (${(cases.length / seconds).toFixed(0)} a second), ${wrong} not as expected\n`);
  return wrong === 0 ? 0 : 1;
}

if (process.argv[1]?.endsWith("verify-many.mjs")) {
  main(process.argv.slice(2)).then((status) => { process.exitCode = status; }, (why) => {
    process.stderr.write(`${why.message}\n`);
    process.exitCode = 2;
  });
}
