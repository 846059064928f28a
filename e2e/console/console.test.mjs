// The console in a browser, against a real hub with real machines: `node --test e2e/console/console.test.mjs`.
// Needs Debian's chromium, Node 20 or later, `npm ci` in this directory and the built binaries (SUTURE_BIN, target/debug by default).
// With SUTURE_PICTURES=1 it also takes the pictures in docs/pictures.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { Person, launch } from "./browser.mjs";
import { Rig, approvalKey, askingRunbooks, digits } from "./rig.mjs";

const PASSWORD = "four words of a test";
let rig, browser, ada, bob;
let secret;

before(async () => {
  [rig, browser] = await Promise.all([Rig.start(), launch()]);
  ada = await Person.at(browser, rig.url);
});
after(async () => {
  await browser?.close();
  await rig?.stop();
});

/** A step: whatever it does, no browser complained meanwhile. */
function step(name, work) {
  test(name, { timeout: 90_000 }, async () => {
    for (const person of [ada, bob]) person?.complaints.splice(0);
    await work();
    for (const person of [ada, bob]) assert.deepEqual(person?.complaints.splice(0) ?? [], [], "the browser complained");
  });
}

/** What stands in a place that is shown once it is known. */
async function shown(page, selector) {
  const place = page.locator(selector);
  await place.waitFor({ state: "visible" });
  return place.textContent();
}

const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

/** Presses a record page's own check: with the right key it holds, and with another one not. */
async function checksItself({ page }, words, right, other) {
  const field = page.locator("#check-key"), press = page.getByRole("button", { name: "Check it in this browser" });
  await field.fill(right);
  await press.click();
  await page.locator("#check .notice.good").waitFor();
  assert.match(await page.locator("#check .told").textContent(), words);
  await field.fill(other);
  await press.click();
  await page.locator("#check .notice.bad").waitFor();
  assert.match(await page.locator("#check .told").textContent(), /^The head is not signed by that key/);
}

step("who is not signed in is led to the way in, and back to where they wanted to go", async () => {
  await ada.open("/people");
  assert.match(ada.page.url(), /\/login\?to=\/people$/);
  assert.deepEqual(await ada.lookAt("/login", "login"), []);
});

step("the first-run link makes the account; second factor, tenant, site and sheet follow", async () => {
  const { page } = ada;
  await ada.open(new URL(await rig.firstRun()).pathname);
  assert.deepEqual(await ada.lookAt("/join", "join"), []);
  await page.goto(await rig.firstRun());
  await page.reload();
  await page.getByLabel("Name").fill("ada");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByLabel("The same password again").fill("another one");
  await page.getByRole("button", { name: "Make the account" }).click();
  await page.getByText("The two passwords differ.").waitFor();
  await page.getByLabel("The same password again").fill(PASSWORD);
  await page.getByRole("button", { name: "Make the account" }).click();
  await page.waitForURL((url) => url.pathname === "/first-run");
  assert.deepEqual(await ada.lookAt("/first-run", "first-run-begins"), []);

  await page.getByRole("button", { name: "Set it up" }).click();
  secret = await shown(page, "#factor-made [data-field=secret]");
  assert.match(secret, /^[A-Z2-7]{32}$/);
  await page.locator("#factor-made .qr svg path").waitFor();
  assert.deepEqual(await ada.lookAsItStands("first-run-factor"), []);
  await page.getByLabel("The code that it shows now").fill(digits(secret));
  await page.getByRole("button", { name: "It counts from now on" }).click();
  await page.getByText("Each sign-in asks for a code").waitFor();

  await page.getByLabel("Name", { exact: true }).fill("clinic-7");
  await page.getByRole("button", { name: "Add the tenant" }).click();
  await page.getByLabel("Name of the site").fill("main");
  await page.getByRole("button", { name: "Add the site" }).click();
  const [download] = await Promise.all([page.waitForEvent("download"), (async () => {
    await page.getByRole("button", { name: "Make the sheet" }).click();
    await page.getByRole("link", { name: "Save the sheet" }).click();
  })()]);
  assert.match(download.suggestedFilename(), /^enrolment-h-.*\.json$/);
  await page.getByText("Waits for its machine").first().waitFor();
  await page.getByText("QR code", { exact: true }).click();
  await page.locator("#appearing .qr svg path").waitFor();
  assert.deepEqual(await ada.lookAsItStands("first-run-sheet"), []);
  await page.getByText("QR code", { exact: true }).click();
  const sheet = JSON.parse(await readFile(await download.path(), "utf8"));
  await rig.machine("first", sheet);
  // Nobody asks anew: the page shows it by itself.
  await page.getByText("Enrolled", { exact: true }).waitFor({ timeout: 20_000 });
  assert.deepEqual(await ada.lookAt("/first-run", "first-run"), []);
});

step("signing out ends it, and signing in asks for the second factor", async () => {
  const { page } = ada;
  await ada.open("/enrolment");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL((url) => url.pathname === "/login");
  await ada.open("/enrolment");
  await page.getByLabel("Name").fill("ada");
  await page.getByLabel("Password").fill(PASSWORD);
  await ada.refused(/401/, async () => {
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator(".told .notice.bad").waitFor();
  });
  // A code works once: the one that was used when it was set up is no good any more.
  await page.getByLabel("Second factor").fill(digits(secret, Date.now() + 30_000));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => url.pathname === "/enrolment");
});

step("people are invited by a link, and what somebody is can be changed", async () => {
  const { page } = ada;
  await ada.open("/people");
  const form = page.locator("form[data-result=invited]");
  await form.getByLabel("Name").fill("bob");
  await form.getByLabel("Role").selectOption("msp-admin");
  await form.getByLabel("All, later ones too").check();
  await form.getByRole("button", { name: "Make the link" }).click();
  const link = await shown(page, "#invited-link");
  bob = await Person.at(browser, rig.url);
  await bob.page.goto(link);
  await bob.page.getByLabel("Name").fill("bob");
  await bob.page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await bob.page.getByLabel("The same password again").fill(PASSWORD);
  await bob.page.getByRole("button", { name: "Make the account" }).click();
  await bob.page.waitForURL((url) => url.pathname === "/me");
  // The last admin stays one: the API says so, and the page shows what it says.
  await ada.open("/people");
  await page.getByRole("button", { name: "Close the account of bob" }).click();
  await page.getByRole("button", { name: "No" }).click();
  assert.equal(await page.getByRole("cell", { name: "Open", exact: true }).count(), 2);
});

step("a key is shown once, rotated and revoked", async () => {
  const { page } = ada;
  await ada.open("/me");
  await page.getByText("Make a key").click();
  await page.locator("form[data-result=key-made]").getByLabel("All, later ones too").check();
  await page.getByLabel("status-read").check();
  await page.getByRole("button", { name: "Make the key" }).click();
  const key = await shown(page, "#key-text");
  assert.match(key, /^suture-k-/);
  const status = await fetch(`${rig.url}/api/v1/status`, { headers: { authorization: `Bearer ${key}` } });
  assert.equal(status.status, 200);
  await page.getByRole("button", { name: /^Revoke / }).click();
  await page.getByRole("button", { name: "Yes, do it" }).click();
  await page.getByText("Revoked", { exact: true }).waitFor();
  const after = await fetch(`${rig.url}/api/v1/status`, { headers: { authorization: `Bearer ${key}` } });
  assert.equal(after.status, 401);
});

step("an exception is proposed by one person and accepted by another; one that is over excuses nothing", async () => {
  const { page } = ada;
  const path = "/tenants/clinic-7/exceptions";
  await ada.open(path);
  await page.getByLabel("Control that fails").selectOption("ssh.root-login");
  await page.getByLabel("Why it is left so").fill("The old device cannot do otherwise.");
  await page.getByLabel("What could come of it").fill("Somebody reads along.");
  await page.getByLabel("What is done instead").fill("It stands in a locked room.\nNobody else has its key.");
  await page.getByLabel("Who answers for it").fill("Ann Example");
  await page.getByLabel("First day (UTC)").fill(day(0));
  await page.getByLabel("Last day (UTC)").fill(day(120));
  await ada.refused(/422/, async () => {
    await page.getByRole("button", { name: "Propose it" }).click();
    await page.getByText(/at most 90 are allowed/).waitFor();
  });
  await page.getByLabel("Last day (UTC)").fill(day(30));
  await page.getByRole("button", { name: "Propose it" }).click();
  await page.getByText("You proposed it: somebody else has to accept it.").waitFor();
  assert.equal(await page.getByRole("button", { name: "Accept" }).count(), 0);
  await bob.open(path);
  await bob.page.getByRole("button", { name: "Accept" }).click();
  await bob.page.getByRole("button", { name: "Yes, do it" }).click();
  await bob.page.getByText("31 days left").waitFor();
  const row = bob.page.getByRole("row").filter({ hasText: "ssh.root-login" });
  assert.match(await row.textContent(), /Ann Example.*bob/s);

  // One that was over yesterday: it stands there, and says that it excuses nothing.
  const over = `- control: ssh.root-login\n  reason: It was so.\n  risk: Somebody reads along.\n  compensating_controls: [A locked room.]\n  owner: Ann Example\n  approver: bob\n  from: ${day(-20)}\n  until: ${day(-1)}\n`;
  await ada.ask("POST", "/api/v1/tenants/clinic-7/exceptions", { file: "exceptions.yaml", text: over });
  await ada.open(path);
  await page.getByText("Expired, excuses nothing").waitFor();
  assert.deepEqual(await ada.lookAt(path, "exceptions"), []);
  await page.getByRole("button", { name: "End the exception to ssh.root-login" }).click();
  await page.getByRole("button", { name: "Yes, do it" }).click();
  await page.getByText("Every failure of this tenant counts as one.").waitFor();
});

step("the hub's own log says who did what, is searched, and proves each record", async () => {
  const { page } = ada;
  await ada.open("/audit?q=bob%20exceptions-set");
  const rows = page.getByRole("row").filter({ hasText: "exceptions-set" });
  assert.equal(await rows.count(), 1, "what bob did is not one line");
  await page.getByLabel("Search").fill("nobody-of-this-name");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByText("Nothing found").waitFor();
  await ada.open("/audit");
  await page.getByRole("link", { name: "record 1", exact: true }).click();
  await page.getByRole("heading", { name: "Record 1" }).waitFor();
  assert.deepEqual(await ada.lookAt("/audit/1", "audit-record"), []);
  const { own } = await ada.ask("GET", "/api/v1/keys");
  await checksItself(ada, /^It holds: this record stands at index 1 of \d+ in localhost\/own, /, own, rig.machines[0].key);
});

step("a machine that drifts heals while somebody watches, and its incident tells each leg", async () => {
  const { page } = ada;
  await ada.open("/tenants/clinic-7/incidents");
  rig.machines[0].loosen();
  await page.getByText("suture.evidence-directory").first().waitFor({ timeout: 30_000 });
  await page.waitForFunction(() => [...document.querySelectorAll("tr")].some((row) => row.textContent.includes("suture.evidence-directory") && /closed|healed/i.test(row.textContent)), undefined, { timeout: 30_000 });
  assert.deepEqual(await ada.lookAt("/tenants/clinic-7/incidents", "incidents"), []);
  const { incidents } = await ada.ask("GET", "/api/v1/tenants/clinic-7/incidents/newest");
  const healed = incidents.find((row) => JSON.stringify(row.what).includes("suture.evidence-directory"));
  const path = `/tenants/clinic-7/hosts/${healed.host}/incidents/${healed.incident}`;
  assert.deepEqual(await ada.lookAt(path, "incident"), []);
  assert.match(await page.locator("main").textContent(), /healed/i);
  assert.deepEqual(await ada.lookAt(`/tenants/clinic-7/hosts/${healed.host}`, "host"), []);
  assert.deepEqual(await ada.lookAt("/tenants/clinic-7/sites/main", "site"), []);
  assert.deepEqual(await ada.lookAt(`/tenants/clinic-7/evidence/${healed.host}`, "evidence"), []);
  await page.locator("table a").first().click();
  await page.waitForURL(/\/evidence\/[^/]+\/\d+$/);
  assert.deepEqual(await ada.lookAt(new URL(page.url()).pathname, "record"), []);
  const { own } = await ada.ask("GET", "/api/v1/keys");
  await checksItself(ada, /^It holds: this record stands at index \d+ of \d+ in /, rig.machines[0].key, own);
  // A form's minutes are the search's times: nothing is older than an hour here.
  await ada.open(`/tenants/clinic-7/evidence/${healed.host}`);
  await page.getByLabel("To (UTC)").fill("2020-01-01T00:00");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByText("No record that fits").waitFor();
});

step("the clinic's page says in plain words what was fixed, what needs somebody and what could not be checked", async () => {
  assert.deepEqual(await ada.lookAt("/tenants/clinic-7/clinic", "clinic"), []);
  const text = await ada.page.locator("main").textContent();
  for (const part of ["Needs you", "Could not check", "Fixed", "Score"]) assert.ok(text.includes(part), part);
  assert.match(await ada.page.locator("section[aria-labelledby=fixed]").textContent(), /What did not hold:/);
  // The number that stands here is the one that the API answers, with what it was measured over.
  const { sites } = await ada.ask("GET", "/api/v1/fleet");
  assert.ok(text.includes(sites[0].score.words), `${sites[0].score.words} is not on the page`);
});

step("a kit is exported, and the verifier's page finds it whole", async () => {
  await ada.open("/tenants/clinic-7/incidents");
  await ada.page.getByRole("link", { name: "Evidence", exact: true }).click();
  await ada.page.getByLabel("First day").fill(day(0));
  await ada.page.getByLabel("Last day").fill(day(0));
  await ada.page.getByRole("button", { name: "Make the kit" }).click();
  const [download] = await Promise.all([ada.page.waitForEvent("download"), ada.page.getByRole("link", { name: "Download the kit" }).click()]);
  assert.match(download.suggestedFilename(), /^kit-clinic-7-.+\.zip$/);
  assert.deepEqual(await ada.lookAsItStands("kit"), []);
  const bytes = await readFile(await download.path());
  const path = join(rig.folder, "kit.zip");
  writeFileSync(path, bytes);
  const verifier = await ada.context.newPage();
  await verifier.goto(new URL("../../verify/html/verify.html", import.meta.url).href);
  await verifier.locator("#kit").setInputFiles(path);
  await verifier.locator("#keys").fill(`${rig.machines[0].key}\n`);
  await verifier.locator("#verify").click();
  await verifier.locator("#result[data-done]").waitFor({ timeout: 30_000 });
  const verdict = JSON.parse(await verifier.locator("#json").textContent());
  assert.match(verdict.verdict, /^intact_/, JSON.stringify(verdict).slice(0, 500));
  // One byte of it, and it is not.
  const middle = Math.floor(bytes.length / 3);
  bytes[middle] ^= 1;
  writeFileSync(path, bytes);
  await verifier.locator("#result").evaluate((result) => result.removeAttribute("data-done"));
  await verifier.locator("#kit").setInputFiles([]);
  await verifier.locator("#kit").setInputFiles(path);
  await verifier.locator("#verify").click();
  await verifier.locator("#result[data-done]").waitFor({ timeout: 30_000 });
  const harmed = JSON.parse(await verifier.locator("#json").textContent());
  assert.equal(harmed.verdict, "altered", JSON.stringify(harmed).slice(0, 500));
  await verifier.close();
});

step("this month's packet is previewed, and a month that is not over is refused in words", async () => {
  const { page } = ada;
  await ada.open("/tenants/clinic-7/incidents");
  await page.getByRole("link", { name: "Packets", exact: true }).last().click();
  await page.getByText("No packet yet").waitFor();
  assert.deepEqual(await ada.lookAt("/tenants/clinic-7/packets", "packets"), []);
  assert.deepEqual(await ada.lookAt("/packets", "packets-of-all"), []);
  await ada.open("/tenants/clinic-7/packets");
  await page.getByLabel("A month that is over").fill("2999-01");
  await ada.refused(/409/, async () => {
    await page.getByRole("button", { name: "Make the packet" }).click();
    await page.getByText(/2999-01 is over at/).waitFor();
  });
  const preview = await page.getByRole("link", { name: "Preview this month now" }).getAttribute("href");
  const answer = await ada.context.request.get(rig.url + preview);
  assert.equal(answer.status(), 200, await answer.text());
  assert.match(answer.headers()["content-security-policy"], /^default-src 'none'.*style-src 'sha256-.*sandbox$/);
  const html = await answer.text();
  assert.match(html, /does not certify compliance/);
  assert.match(html, /this is a preview/);
  // In a page without the sandbox, so that it can be judged: at both widths.
  const sheet = await ada.context.newPage();
  const reader = Object.assign(Object.create(Object.getPrototypeOf(ada)), ada, { page: sheet });
  for (const width of [1280, 390]) {
    await sheet.setViewportSize({ width, height: 900 });
    await sheet.setContent(html, { waitUntil: "load" });
    assert.deepEqual(await reader.axe(), [], `at ${width}`);
    assert.equal(await sheet.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, `it is wider than ${width}`);
  }
  await sheet.close();
});

step("another program in an agent's place puts its machine in quarantine, and whoever knows it says so on the machine's page", async () => {
  const { page } = ada;
  await ada.open("/");
  await rig.machines[0].swapAgent();
  await page.getByText("In quarantine").waitFor({ timeout: 40_000 });
  const { sites } = await ada.ask("GET", "/api/v1/fleet");
  assert.equal(sites[0].standing.quarantined, 1);
  await page.getByRole("link", { name: "clinic-7 / main" }).click();
  await page.locator("td a[href*='/hosts/']").first().click();
  await page.locator("#quarantine").waitFor();
  const path = new URL(page.url()).pathname;
  assert.deepEqual(await ada.lookAt(path, "quarantine"), []);
  const host = path.split("/").pop();
  await page.getByLabel(/^Type the machine's name/).fill("another-machine");
  await page.getByRole("button", { name: "Approve what runs there" }).click();
  await page.getByText(`Type ${host} to confirm.`).waitFor();
  await page.getByLabel(/^Type the machine's name/).fill(host);
  await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: "Approve what runs there" }).click()]);
  await page.locator("#quarantine").waitFor({ state: "detached" });
  await page.locator("#alarms").waitFor();
  await ada.open("/");
  assert.equal(await page.getByText("In quarantine").count(), 0);
});

step("an alert comes by itself, stands in the navigation, and ends with somebody who looks after it", async () => {
  const { page } = ada;
  await ada.open("/alerts");
  const row = page.getByRole("row").filter({ hasText: /waits? for a person/ }).first();
  await row.getByRole("button", { name: /^Acknowledge/ }).waitFor({ timeout: 45_000 });
  const count = async () => Number(await page.locator("#alerts-count .count").evaluateAll((all) => all.map((each) => parseInt(each.textContent, 10))));
  const before = await count();
  assert.ok(before >= 1);
  assert.deepEqual(await ada.lookAt("/alerts", "alerts"), []);
  await row.getByRole("button", { name: /^Acknowledge/ }).click();
  await page.getByText(/by ada/).waitFor();
  assert.equal(await count(), before - 1);
});

for (const [path, name] of [["/", "fleet"], ["/enrolment", "enrolment"], ["/people", "people"], ["/me", "me"], ["/audit", "audit"], ["/runbooks", "runbooks"],
  ["/baseline", "baseline"], ["/approvals", "approvals"], ["/calls", "calls"], ["/nowhere", "not-found"]]) {
  step(`${path} is readable by everybody: at both widths, in light and dark`, async () => {
    const found = path === "/nowhere" ? await ada.refused(/404/, () => ada.lookAt(path, name)) : await ada.lookAt(path, name);
    assert.deepEqual(found, []);
  });
}

step("the fleet in the dark", async () => {
  await ada.pictureInTheDark("/", "fleet-dark");
  assert.equal(await ada.page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches), false);
});

step("with the keyboard alone: past the navigation, through the menu of a telephone, into a form", async () => {
  const { page } = ada;
  await page.setViewportSize({ width: 390, height: 844 });
  await ada.open("/enrolment");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await ada.open("/enrolment");
  const press = async (key, until) => {
    for (let times = 0; times < 40; times++) {
      await page.keyboard.press(key);
      const name = await page.evaluate(() => document.activeElement.textContent.trim());
      const seen = await page.evaluate(() => { const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement); return outlineStyle !== "none" && outlineWidth !== "0px"; });
      assert.ok(seen, `where the focus is cannot be seen: ${name}, ${await page.evaluate(() => `${document.activeElement.outerHTML.slice(0, 100)}`)}`);
      if (name === until) return;
    }
    assert.fail(`${until} is not reached with ${key}`);
  };
  await press("Tab", "Menu");
  await page.keyboard.press("Enter");
  assert.equal(await page.getByRole("button", { name: "Menu" }).getAttribute("aria-expanded"), "true");
  await press("Tab", "People");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/people");
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.getByLabel("Name").first().focus();
  await page.keyboard.type("eve");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await press("Tab", "Make the link");
  await page.keyboard.press("Enter");
  await page.locator("#invited:not([hidden])").waitFor();
});

step("a site that is lost is said to be, and never counted as good", async () => {
  const { page } = ada;
  await ada.open("/");
  await rig.machines[0].stop();
  await ada.refused(/ERR_|Failed to fetch/, async () => {
    await rig.hub.stop();
    // As though ten minutes had passed since.
    await promisify(execFile)("sqlite3", [join(rig.folder, "hub/hub.db"), "UPDATE host SET seen = seen - 600000"]);
    await rig.startHub();
    await page.getByText(/1 of 1 machines silent/).first().waitFor({ timeout: 30_000 });
  });
  assert.deepEqual(await ada.lookAt("/", "fleet-lost"), []);
  await ada.open("/tenants/clinic-7/clinic");
  assert.match(await page.locator("section[aria-labelledby=unseen]").textContent(), /1 of 1 machines are not heard of/);
});

step("what asks for a person waits for one: it heals by a person's key, and by a stranger's it does not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "suture-asking-"));
  const asking = await Rig.start(["--runbooks", askingRunbooks(join(folder, "runbooks"), "RB-FILE-001")]);
  try {
    const carol = await Person.at(browser, asking.url);
    const { page } = carol;
    await page.goto(await asking.firstRun());
    await page.getByLabel("Name").fill("carol");
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("The same password again").fill(PASSWORD);
    await page.getByRole("button", { name: "Make the account" }).click();
    await page.waitForURL((url) => url.pathname === "/first-run");
    await carol.ask("POST", "/api/v1/tenants", { tenant: "clinic-8" });
    await carol.ask("POST", "/api/v1/tenants/clinic-8/sites", { site: "main" });
    const [own, strangers] = ["own", "strangers"].map((name) => approvalKey(join(folder, name)));
    const enrolled = async (name) => {
      const sheet = await carol.ask("POST", "/api/v1/tenants/clinic-8/sites/main/enrolments");
      const machine = await asking.machine(name, sheet, `operators: { carol: "${own.pinned}" }\n`);
      return { machine, host: sheet.host, card: page.locator("main section").filter({ hasText: sheet.host }) };
    };
    await carol.open("/approvals");
    await page.getByText("No order waits for approval").waitFor();
    const [first, second] = [await enrolled("first"), await enrolled("second")];
    const mode = ({ machine }) => statSync(machine.evidence).mode & 0o777;
    for (const { machine, card } of [first, second]) {
      machine.loosen();
      await card.getByRole("button", { name: "Approve" }).waitFor({ timeout: 40_000 });
    }
    assert.deepEqual(await carol.lookAt("/approvals", "approval-waits"), []);
    assert.match(await first.card.textContent(), /Now0755 0:0, record \d+ .*; expected directory, at most 0700/);
    await first.card.getByRole("button", { name: "Approve" }).click();
    assert.deepEqual(await carol.lookAsItStands("approval-opened"), []);
    // What is filled in stays, whatever happens meanwhile.
    await first.card.getByLabel(/^Type the machine's name/).fill("half a na");
    await page.evaluate(() => document.activeElement.blur());
    // Something that this page looks at anew for.
    const third = await enrolled("third");
    third.machine.loosen();
    for (let tries = 0; (await carol.ask("GET", "/api/v1/approvals")).for_people.length < 3; tries++) {
      assert.ok(tries < 150, "the third order does not wait");
      await page.waitForTimeout(200);
    }
    await page.waitForTimeout(1000);
    assert.equal(await first.card.getByLabel(/^Type the machine's name/).inputValue(), "half a na");
    await carol.open("/approvals");
    const signs = async ({ card }, key, name) => {
      await card.getByRole("button", { name: "Approve" }).click();
      await card.getByLabel("Your approval key").setInputFiles(key.path);
      await card.getByLabel(/^Type the machine's name/).fill(name);
      await card.getByRole("button", { name: "Sign and hand in" }).click();
    };
    await signs(first, own, "another-machine");
    await page.getByText(`Type ${first.host} to confirm.`).waitFor();
    await carol.open("/approvals");
    await Promise.all([page.waitForEvent("load"), signs(first, own, first.host)]);
    for (let tries = 0; mode(first) !== 0o700; tries++) {
      assert.ok(tries < 150, "what was approved was not done");
      await page.waitForTimeout(200);
    }
    // A key that the machine does not know makes nobody's approval: the machine refuses it and touches nothing.
    await carol.open("/approvals");
    await Promise.all([page.waitForEvent("load"), signs(second, strangers, second.host)]);
    await second.machine.executor.event(({ event }) => event.refused?.refusal.signature === "stray_approval" || undefined);
    assert.equal(mode(second), 0o755, "a stranger's key was enough");
    // A no: the order is taken back, the machine stays untouched, and the incident says who said it and why.
    await carol.open("/approvals");
    await third.card.getByRole("button", { name: "Decline" }).waitFor({ timeout: 40_000 });
    await third.card.getByRole("button", { name: "Decline" }).click();
    const because = await third.card.getByRole("link", { name: /fails$/ }).getAttribute("href");
    await third.card.getByLabel("Why").selectOption("by-hand");
    await third.card.getByRole("button", { name: "Take the order back" }).click();
    await third.card.waitFor({ state: "detached" });
    await carol.open(because);
    await page.getByText(/declined by carol, because somebody repairs it by hand/).waitFor();
    assert.equal(mode(third), 0o755, "what was declined was done");
    assert.deepEqual(await carol.lookAt(because, "incident-declined"), []);
    assert.deepEqual(carol.complaints, []);
    await carol.context.close();
  } finally {
    await asking.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
