// The records of an account, with corrections, and who paid.

import { ask, ofAccount } from "./api.js";
import { amount, complain, element, printable, table } from "./elements.js";
import { show, showRecorded } from "./time.js";

const COLUMNS = [
  { title: "revision", number: true },
  { title: "recorded" },
  { title: "id", kind: "name" },
  { title: "what", kind: "name" },
  { title: "", kind: "name" },
];

/** The entries of an answer as a table. */
export function recordTable(caption, account, entries, unit, signal) {
  const corrected = new Map();
  for (const entry of entries) {
    if (entry.of !== null) corrected.set(entry.of, [...(corrected.get(entry.of) ?? []), entry.revision]);
  }
  const rows = entries.map((entry) => [
    entry.revision,
    showRecorded(entry.recorded_at),
    printable(entry.id),
    printable(entry.told),
    element("span", {}, ...notes(entry)),
  ]);
  function notes(entry) {
    const said = [];
    if (entry.is_late) said.push("late ");
    if (corrected.has(entry.id)) said.push(`changed by revision ${corrected.get(entry.id).join(", ")} `);
    if (entry.is_usage) {
      const paid = element("span");
      said.push(element("button", { type: "button", click: () => whoPaid(paid, account, entry.id, unit, signal) }, "Who paid?"), paid);
    }
    return said;
  }
  return table(caption, COLUMNS, rows);
}

/** @param {Element} place @param {string} account @param {string | null} unit @param {AbortSignal} signal */
export async function showRecords(place, account, unit, signal) {
  const found = element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Records" });
  const more = element("div");
  place.replaceChildren(found, more);
  let entries = [];
  async function page(after) {
    const answer = await ask(ofAccount(account, "told"), { query: { after, limit: 200 }, signal });
    entries = [...entries, ...answer.entries];
    found.replaceChildren(recordTable(`${amount(answer.revision)} ${answer.revision === "1" ? "entry" : "entries"}`, account, entries, unit, signal));
    more.replaceChildren(answer.next === null ? "" : element("button", {
      type: "button",
      click: () => page(answer.next).catch((error) => complain(more, error)),
    }, "More records"));
  }
  await page(0);
}

async function whoPaid(place, account, id, unit, signal) {
  try {
    const paid = await ask(ofAccount(account, "entries", id, "draws"), { signal });
    const lines = paid.draws.map((draw) => element("li", {},
      `${amount(draw.amount)} by ${printable(draw.credit_id || draw.grant || "")}, at ${show(draw.drawn_at, unit)}`));
    const rest = [["deficit", paid.deficit], ["dropped", paid.dropped]]
      .filter(([, units]) => BigInt(units ?? 0) > 0n)
      .map(([name, units]) => element("li", {}, `${amount(units)} ${name}`));
    place.replaceChildren(element("ul", { class: "quiet" }, ...lines, ...rest));
  } catch (error) {
    complain(place, error);
  }
}
