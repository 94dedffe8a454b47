// Uses the page in a browser. The environment says where: PAGE_URL, PAGE_TOKEN, PAGE_LARGE (an account of many records), PAGE_HOSTILE (the name of
// another one), PAGE_FOLDER (for pictures of the screen), CHROMIUM.
"use strict";

const assert = require("node:assert/strict");
const path = require("node:path");
const { chromium } = require("playwright-core");

const { PAGE_URL: url, PAGE_TOKEN: token, PAGE_LARGE: large, PAGE_HOSTILE: hostile, PAGE_FOLDER: folder, CHROMIUM: executablePath } =
  process.env;
const complaints = [];

async function main() {
  const browser = await chromium.launch({ executablePath, args: ["--headless", "--no-sandbox", "--disable-gpu"] });
  try {
    const context = await browser.newContext({ viewport: { width: 1400, height: 1000 } });
    const page = await context.newPage();
    const host = new URL(url).host;
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("dialog", (dialog) => complaints.push(`dialog: ${dialog.message()}`));
    page.on("request", (request) => new URL(request.url()).host === host || complaints.push(`left: ${request.url()}`));
    for (const test of [usesToken, readsOut, looksCloser, comparesRevisions, asksQuestions, needsNoMouse, hostileNames, largeAccount, isDark]) {
      await test(page);
      console.log(`${test.name}: passed`);
    }
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
  }
}

const shot = (page, name) => page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });

async function answer(resource) {
  const answer = await fetch(url + resource, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
}

/** From nothing to an account, by the keyboard alone. */
async function usesToken(page) {
  await page.goto(`${url}/ui/`);
  assert.equal(await page.evaluate(() => document.activeElement.id), "token");
  await page.keyboard.type(token);
  await page.keyboard.press("Enter");
  await page.waitForSelector("table");
  await shot(page, "accounts");
  await page.focus("#prefix");
  await page.keyboard.type("team/a");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  for (let press = 0; press < 12; press += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement.textContent === "team/acme")) break;
  }
  await page.keyboard.press("Enter");
  await page.waitForSelector(".picture svg");
  assert.equal(await page.textContent("h1"), "team/acme");
}

const fact = (page, name) => page.textContent(`.readout [data-fact="${name}"]`);

async function agrees(page) {
  const at = await page.getAttribute(".readout", "data-at");
  const said = await answer(`/v1/accounts/team%2Facme/readout?at=${at}&numbers=string`);
  for (const name of ["balance", "deficit", "held", "available", "spendable"]) {
    const shown = (await fact(page, name)).replaceAll(",", "");
    assert.equal(shown, said[name] ?? "none", `${name} at ${at}`);
  }
  return BigInt(at);
}

async function readsOut(page) {
  assert.ok((await page.$$(".picture polyline")).length > 3);
  const box = await (await page.$(".picture svg")).boundingBox();
  let last = null;
  for (const share of [0.2, 0.4, 0.6, 0.8]) {
    await page.mouse.move(box.x + box.width * share, box.y + 200);
    await page.waitForFunction((last) => {
      const at = document.querySelector(".readout").dataset.at;
      return at !== undefined && at !== last;
    }, last);
    await page.waitForTimeout(150);
    last = String(await agrees(page));
  }
  await shot(page, "account");
  await page.focus(".picture");
  const before = await agrees(page);
  await page.keyboard.press("Shift+ArrowLeft");
  await page.waitForFunction((before) => document.querySelector(".readout").dataset.at !== before, String(before));
  assert.ok((await agrees(page)) < before);
  // The same in numbers.
  const points = await answer("/v1/accounts/team%2Facme/points?numbers=string");
  const cells = await page.$$eval("[aria-label='The picture in numbers'] tbody tr", (rows) =>
    rows.map((row) => row.children[1].textContent.replaceAll(",", "")));
  assert.deepEqual(cells, points.points.map((point) => point.balance ?? "none"));
}

async function looksCloser(page) {
  const range = () => page.$eval(".picture svg", (svg) => [svg.dataset.from, svg.dataset.to].map(Number));
  const [from, to] = await range();
  const box = await (await page.$(".picture svg")).boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + 200);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 210, { steps: 5 });
  await page.mouse.up();
  await page.waitForFunction((to) => Number(document.querySelector(".picture svg").dataset.to) < to, to);
  const [closerFrom, closerTo] = await range();
  assert.ok(closerFrom > from && closerTo < to, `${closerFrom} to ${closerTo}`);
  await shot(page, "closer");
  await page.focus(".picture");
  await page.keyboard.press("Escape");
  await page.waitForFunction((to) => Number(document.querySelector(".picture svg").dataset.to) === to, to);
}

async function comparesRevisions(page) {
  await page.click("#tab-revisions");
  await page.waitForSelector(".pair svg");
  const { revision } = await answer("/v1/accounts/team%2Facme/told?limit=1");
  await page.fill("#one", String(revision - 1));
  await page.fill("#other", String(revision));
  await page.click("#compare");
  await page.waitForFunction(() => document.querySelectorAll(".pair svg").length === 2);
  const lines = await page.$$eval(".pair svg", (pictures) =>
    pictures.map((svg) => [...svg.querySelectorAll("polyline.ink")].map((line) => line.getAttribute("points")).join(" ")));
  assert.notEqual(lines[0], lines[1]);
  const first = await page.$(".pair svg");
  await first.scrollIntoViewIfNeeded();
  const box = await first.boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + 100);
  await page.waitForFunction(() => /has [\d,]+ (more|less) than/.test(document.getElementById("difference").textContent));
  assert.equal(await page.$$eval("[aria-label='Records between'] tbody tr", (rows) => rows.length), 1);
  await shot(page, "revisions");
}

async function asksQuestions(page) {
  await page.click("#tab-records");
  await page.waitForSelector("[aria-label='Records'] tbody tr");
  await page.click("[aria-label='Records'] button:has-text('Who paid?')");
  await page.waitForSelector("[aria-label='Records'] li");
  await shot(page, "records");
  await page.click("#tab-statement");
  await page.waitForSelector("#panel table");
  await shot(page, "statement");
  await page.click("#tab-what-if");
  await page.fill("#what-amount", "50");
  await page.click("#what-ask");
  await page.waitForSelector("#panel table");
  await shot(page, "what-if");
}

/** Presses a key until what has the focus satisfies a condition. */
async function press(page, key, condition, most = 80) {
  for (let presses = 0; presses < most; presses += 1) {
    await page.keyboard.press(key);
    if (await page.evaluate(condition)) return;
  }
  assert.fail(`${key} does not lead to ${condition}`);
}

/** Looks closer, reads a number out of the table, and asks about the account, by the keyboard alone. */
async function needsNoMouse(page) {
  await page.goto(`${url}/ui/#/`);
  await page.waitForSelector("#prefix");
  await page.goto(`${url}/ui/#/account/${encodeURIComponent("team/acme")}`);
  await page.waitForFunction(() => document.querySelector("h1")?.textContent === "team/acme" && document.querySelector(".picture svg"));
  await page.evaluate(() => document.getElementById("content").focus());
  await press(page, "Tab", () => document.activeElement.classList.contains("picture"));
  const width = () => page.$eval(".picture svg", (svg) => Number(svg.dataset.to) - Number(svg.dataset.from));
  const all = await width();
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.querySelector(".readout").dataset.at !== undefined);
  await page.keyboard.press("+");
  await page.waitForFunction((all) => {
    const { from, to } = document.querySelector(".picture svg").dataset;
    return Number(to) - Number(from) < all;
  }, all);
  const [closer, start] = [await width(), await page.$eval(".picture svg", (svg) => svg.dataset.from)];
  await page.keyboard.press("PageDown");
  await page.waitForFunction((start) => document.querySelector(".picture svg").dataset.from !== start, start);
  assert.ok((await width()) <= closer + 1);
  assert.ok(await page.evaluate(() => document.activeElement.classList.contains("picture")), "the focus stays");
  await page.keyboard.press("Home");
  await page.waitForFunction((all) => {
    const { from, to } = document.querySelector(".picture svg").dataset;
    return Number(to) - Number(from) === all;
  }, all);
  await press(page, "Tab", () => /^Read out/.test(document.activeElement.getAttribute("aria-label") ?? ""));
  const before = await page.getAttribute(".readout", "data-at");
  await page.keyboard.press("Enter");
  await page.waitForFunction((before) => document.querySelector(".readout").dataset.at !== before, before);
  await agrees(page);
  await press(page, "Tab", () => document.activeElement.getAttribute("role") === "tab", 2_000);
  await page.keyboard.press("Enter");
  await page.waitForSelector("[aria-label='Records'] tbody tr");
  await press(page, "Tab", () => document.activeElement.textContent === "Who paid?");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[aria-label='Records'] li");
  await press(page, "Shift+Tab", () => document.activeElement.getAttribute("role") === "tab");
  for (const panel of ["#compare", "#statement-at", "#what-ask"]) {
    await page.keyboard.press("ArrowRight");
    await page.waitForSelector(panel);
  }
  await press(page, "Tab", () => document.activeElement.id === "what-ask");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#panel table");
  // The next tab after the last is the first.
  await press(page, "Shift+Tab", () => document.activeElement.getAttribute("role") === "tab");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => document.activeElement.id), "tab-records");
}

async function hostileNames(page) {
  await page.goto(`${url}/ui/#/account/${encodeURIComponent(hostile)}`);
  await page.waitForFunction(() => document.querySelector("h1")?.textContent.includes("script"));
  await page.waitForSelector(".picture svg");
  assert.equal(await page.$$eval(".picture script, .picture foreignObject, main script, main img", (found) => found.length), 0);
  await page.click("#tab-records");
  await page.waitForSelector("[aria-label='Records'] tbody tr");
  await shot(page, "hostile");
}

async function largeAccount(page) {
  for (const round of ["first", "again"]) {
    await page.goto(`${url}/ui/#/`);
    await page.waitForSelector("table");
    const began = Date.now();
    await page.evaluate((name) => { location.hash = `#/account/${encodeURIComponent(name)}`; }, large);
    await page.waitForFunction((name) => document.querySelector("h1")?.textContent === name && document.querySelector(".picture svg"), large);
    const took = Date.now() - began;
    console.log(`the large account is drawn in ${took} ms, ${round}`);
    assert.ok(took < Number(process.env.PAGE_LARGE_MS ?? 2_000), `${took} ms`);
  }
  await shot(page, "large");
}

async function isDark(page) {
  const paper = () => page.$eval(".picture svg .paper", (rectangle) => getComputedStyle(rectangle).fill);
  const light = await paper();
  await page.emulateMedia({ colorScheme: "dark" });
  assert.notEqual(await paper(), light);
  await page.goto(`${url}/ui/#/account/${encodeURIComponent("team/acme")}`);
  await page.waitForFunction(() => document.querySelector("h1")?.textContent === "team/acme" && document.querySelector(".picture svg"));
  await shot(page, "dark");
}

main().catch((error) => {
  console.error(error);
  console.error(complaints);
  process.exit(1);
});
