// One account: its picture with the numbers beside it, and what can be asked about it.

import { ask, ofAccount } from "./api.js";
import { amount, complain, element, printable, table } from "./elements.js";
import { Picture } from "./picture.js";
import { showRecords } from "./records.js";
import { showRevisions, showStatement, showWhatIf } from "./questions.js";
import { parse, show } from "./time.js";

const SECTIONS = [
  ["records", "Records", showRecords],
  ["revisions", "What we knew when", showRevisions],
  ["statement", "Statement by grant", showStatement],
  ["what-if", "What if", showWhatIf],
];

/** @param {Element} place @param {string} account @param {AbortSignal} signal */
export async function showAccount(place, account, signal) {
  document.title = `${printable(account)} - gpu-credit`;
  const first = await ask(ofAccount(account, "points"), { signal });
  const unit = first.unit;
  const from = element("input", { id: "from", size: 24, spellcheck: "false" });
  const to = element("input", { id: "to", size: 24, spellcheck: "false" });
  const numbers = element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The picture in numbers" });
  const problem = element("div");
  let range = {};

  const picture = new Picture(account, { unit, signal, onRange: look });

  async function look(next = {}) {
    range = next;
    problem.replaceChildren();
    await picture.load(range);
    if (!picture.svg) return;
    from.value = show(picture.from, unit);
    to.value = show(picture.to, unit);
    try {
      const points = await ask(ofAccount(account, "points"), { query: { from: range.from, to: range.to }, signal });
      numbers.replaceChildren(pointTable(points, unit, (at) => picture.read(at)));
    } catch (error) {
      complain(numbers, error);
    }
  }

  const form = element("form", {
    submit: (event) => {
      event.preventDefault();
      try {
        look({ from: parse(from.value, unit), to: parse(to.value, unit) });
      } catch (error) {
        complain(problem, error);
      }
    },
  },
  element("label", { for: "from" }, "From"), from,
  element("label", { for: "to" }, "to"), to,
  element("button", {}, "Show"),
  element("button", { type: "button", id: "all", click: () => look() }, "Show all"));

  place.replaceChildren(
    element("p", {}, element("a", { href: "#/" }, "All accounts")),
    element("h1", {}, printable(account)),
    form, problem,
    element("div", { class: "beside" }, picture.node, numbers),
    sections(account, unit, signal));
  await look();
}

function pointTable(points, unit, read) {
  const columns = [
    { title: "at" },
    { title: "balance", number: true },
    { title: "deficit", number: true, kind: "deficit" },
    { title: "held", number: true },
    { title: "available", number: true },
  ];
  const rows = points.points.map((point) => [
    element("button", { type: "button", "aria-label": `Read out ${show(point.at, unit)}`, click: () => read(BigInt(point.at)) },
      show(point.at, unit)),
    amount(point.balance),
    amount(point.deficit),
    amount(point.held),
    amount(point.available),
  ]);
  return table(`Revision ${points.revision}`, columns, rows,
    (row) => (BigInt(points.points[row].deficit) > 0n ? "bad" : undefined));
}

function sections(account, unit, signal) {
  const panel = element("section", { role: "tabpanel", tabindex: -1, id: "panel" });
  const tabs = SECTIONS.map(([id, title, draw]) => element("button", {
    type: "button", role: "tab", id: `tab-${id}`, "aria-controls": "panel", "aria-selected": "false", tabindex: -1,
    click: (event) => open(event.currentTarget, draw),
  }, title));
  tabs[0].tabIndex = 0;
  async function open(tab, draw) {
    for (const other of tabs) {
      other.setAttribute("aria-selected", String(other === tab));
      other.tabIndex = other === tab ? 0 : -1;
    }
    panel.setAttribute("aria-labelledby", tab.id);
    const inside = element("div");
    panel.replaceChildren(inside);
    try {
      await draw(inside, account, unit, signal);
    } catch (error) {
      complain(inside, error);
    }
  }
  function typed(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
    next.focus();
    next.click();
  }
  const bar = element("div", { class: "controls", role: "tablist", "aria-label": "About the account", keydown: typed }, ...tabs);
  return element("div", {}, element("h2", {}, "About the account"), bar, panel);
}
