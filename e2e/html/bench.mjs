// How long verify.html takes for one kit, in headless Chromium: `node bench.mjs KIT KEYS [POLICY]`. Prints one JSON line; starting the browser is not counted.
import { readFileSync } from "node:fs";
import { Browser } from "./browser.mjs";

const RUNS = 3;
const [kit, keys, policy] = process.argv.slice(2);
const brought = { keys: [readFileSync(keys, "utf8")], policy: policy ? readFileSync(policy, "utf8") : null };
const browser = await Browser.launch();
try {
  const { product } = await browser.send("Browser.getVersion");
  const page = await browser.openPage();
  const seconds = [];
  let answer;
  for (let run = 0; run < RUNS; run++) {
    const begin = performance.now();
    answer = await page.verify(kit, brought);
    seconds.push((performance.now() - begin) / 1000);
  }
  const records = answer.logs.reduce((sum, { first, end }) => sum + end - first, 0);
  const best = Math.min(...seconds);
  const figures = { browser: product, verdict: answer.verdict, records, seconds: best.toFixed(2), records_a_second: Math.round(records / best), runs: seconds.map((each) => each.toFixed(2)) };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  process.exitCode = answer.exit_code < 20 ? 0 : 1;
} finally {
  await browser.close();
}
