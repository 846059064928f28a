// The console in a browser, against a real hub with real machines: `node --test e2e/console/console.test.mjs`.
// Needs Debian's chromium, Node 20 or later, `npm ci` in this directory and the built binaries (SUTURE_BIN, target/debug by default).
// With SUTURE_PICTURES=1 it also takes the pictures in docs/pictures.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Person, launch } from "./browser.mjs";
import { Rig, digits } from "./rig.mjs";

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
  test(name, { timeout: 60_000 }, async () => {
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
  await page.getByText("waits for its machine").first().waitFor();
  const sheet = JSON.parse(await (await import("node:fs/promises")).readFile(await download.path(), "utf8"));
  await rig.machine("first", sheet);
  // Nobody asks anew: the page shows it by itself.
  await page.getByText("enrolled", { exact: true }).waitFor({ timeout: 20_000 });
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
  assert.equal(await page.getByRole("cell", { name: "open" }).count(), 2);
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
  await page.getByText("revoked", { exact: true }).waitFor();
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
  await page.getByText("expired, excuses nothing").waitFor();
  assert.deepEqual(await ada.lookAt(path, "exceptions"), []);
  await page.getByRole("button", { name: "End the exception to ssh.root-login" }).click();
  await page.getByRole("button", { name: "Yes, do it" }).click();
  await page.getByText("Every failure of this tenant counts as one.").waitFor();
});

step("the hub's own log says who did what, is searched, and proves each record", async () => {
  const { page } = ada;
  await ada.open("/audit?q=bob%20exceptions-set");
  const rows = page.getByRole("row").filter({ hasText: "exceptions-set" });
  assert.ok(await rows.count() >= 2, "what bob did is not found");
  await page.getByLabel("Search").fill("nobody-of-this-name");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByText("Nothing found").waitFor();
  await ada.open("/audit");
  await page.getByRole("link", { name: "record 1", exact: true }).click();
  await page.getByRole("heading", { name: "Record 1" }).waitFor();
  const proof = await ada.ask("GET", "/api/v1/audit/1");
  assert.match(proof.checkpoint, /^localhost\/own\n/);
  assert.ok(proof.path.length > 1);
  assert.deepEqual(await ada.lookAt("/audit/1", "audit-record"), []);
});

for (const [path, name] of [["/", "fleet"], ["/enrolment", "enrolment"], ["/people", "people"], ["/me", "me"], ["/audit", "audit"], ["/runbooks", "runbooks"],
  ["/baseline", "baseline"], ["/nowhere", "not-found"]]) {
  step(`${path} is readable by everybody, at both widths, in light and dark`, async () => {
    const found = path === "/nowhere" ? await ada.refused(/404/, () => ada.lookAt(path, name)) : await ada.lookAt(path, name);
    assert.deepEqual(found, []);
  });
}

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
      assert.ok(seen, `where the focus is cannot be seen: ${name}`);
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
