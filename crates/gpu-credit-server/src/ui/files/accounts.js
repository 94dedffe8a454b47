// Accounts by prefix, with what each has now.

import { ask } from "./api.js";
import { amount, complain, element, printable, table } from "./elements.js";
import { days, show } from "./time.js";

/** @param {string} name */
export function accountLink(name) {
  return element("a", { href: `#/account/${encodeURIComponent(name)}` }, printable(name));
}

/** @param {Element} place @param {AbortSignal} signal */
export async function showAccounts(place, signal) {
  document.title = "Accounts - gpu-credit";
  const prefix = element("input", { id: "prefix", type: "search", spellcheck: "false" });
  const at = element("input", { id: "at", placeholder: "now", size: 24 });
  const soon = element("select", { id: "soon" },
    ...[1, 7, 30, 90].map((days) => element("option", { value: days, selected: days === 7 }, `${days} days`)));
  const found = element("div", { "aria-live": "polite" });
  let unit = null;
  let asked = 0;

  async function look(after = "") {
    const number = (asked += 1);
    try {
      const query = {
        prefix: prefix.value,
        after,
        at: at.value.trim(),
        soon: days(Number(soon.value), unit),
      };
      const overview = await ask("/v1/overview", { query, signal });
      if (number !== asked) return;
      // How long a day is follows from the first answer.
      const isFirst = unit !== overview.unit;
      unit = overview.unit;
      if (isFirst && unit) return await look(after);
      draw(overview);
    } catch (error) {
      complain(found, error);
    }
  }

  function draw(overview) {
    const columns = [
      { title: "account", kind: "name" },
      { title: "balance", number: true },
      { title: "held", number: true },
      { title: "available", number: true },
      { title: "deficit", number: true, kind: "deficit" },
      { title: "lapsing soon", number: true },
      { title: "status" },
      { title: "policy" },
      { title: "revision", number: true },
    ];
    const accounts = overview.accounts;
    const rows = accounts.map((row) => [
      accountLink(row.account),
      amount(row.balance),
      amount(row.held),
      amount(row.available),
      amount(row.deficit),
      amount(row.lapsing_soon),
      row.status,
      row.policy,
      row.revision,
    ]);
    const isBad = (row) => BigInt(accounts[row].deficit ?? 0) > 0n;
    const caption = `${accounts.length} accounts at ${show(overview.at, unit)}`;
    found.replaceChildren(
      element("div", { class: "scroll" }, table(caption, columns, rows, (row) => (isBad(row) ? "bad" : undefined))));
    if (overview.next) {
      found.append(element("button", { type: "button", click: () => look(overview.next) }, "Next accounts"));
    }
  }

  const form = element("form", { submit: (event) => { event.preventDefault(); look(); } },
    element("label", { for: "prefix" }, "Names that begin with"), prefix,
    element("label", { for: "at" }, "at"), at,
    element("label", { for: "soon" }, "lapsing within"), soon,
    element("button", {}, "Show"));
  prefix.addEventListener("input", () => look());
  soon.addEventListener("change", () => look());
  place.replaceChildren(element("h1", {}, "Accounts"), form, found);
  await look();
}
