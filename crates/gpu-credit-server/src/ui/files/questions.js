// What we knew when, the statement by grant, and what if.

import { ask, ofAccount } from "./api.js";
import { amount, complain, element, printable, table } from "./elements.js";
import { Picture } from "./picture.js";
import { recordTable } from "./records.js";
import { parse, show } from "./time.js";

/** Two revisions side by side, and the records between them. */
export async function showRevisions(place, account, unit, signal) {
  const last = (await ask(ofAccount(account, "told"), { query: { limit: 1 }, signal })).revision;
  const one = element("input", { id: "one", inputmode: "numeric", size: 8, value: String(BigInt(last) > 1n ? BigInt(last) - 1n : 1n) });
  const other = element("input", { id: "other", inputmode: "numeric", size: 8, value: last });
  const shown = element("div", { "aria-live": "polite" });
  const form = element("form", { submit: (event) => { event.preventDefault(); compare(); } },
    element("label", { for: "one" }, "Revision"), one,
    element("label", { for: "other" }, "beside"), other,
    element("button", { id: "compare" }, "Compare"),
    element("span", { class: "quiet" }, `1 to ${last}: an invoice has the one that it was made from.`));
  place.replaceChildren(form, shown);

  async function compare() {
    try {
      const revisions = [one.value, other.value].map((text) => BigInt(text.trim()));
      const [earlier, later] = revisions[0] < revisions[1] ? revisions : [...revisions].reverse();
      await draw(earlier, later);
    } catch (error) {
      complain(shown, error);
    }
  }

  async function draw(earlier, later) {
    const difference = element("p", { id: "difference", "aria-live": "polite" });
    const pictures = [[earlier, later], [later, earlier]].map(([revision, beside]) => new Picture(account, {
      unit,
      signal,
      query: { as_recorded: revision, beside },
      onRange: look,
      onReadout: (at) => readBoth(at),
    }));
    async function look(range) {
      await pictures[1].load(range);
      if (!pictures[1].svg) return;
      const { from, to } = pictures[1];
      await pictures[0].load({ from, to });
    }
    async function readBoth(at) {
      for (const picture of pictures) picture.read(at);
      try {
        const [before, after] = await Promise.all([earlier, later].map((revision) =>
          ask(ofAccount(account, "readout"), { query: { at, as_recorded: revision }, signal })));
        const net = (said) => BigInt(said.balance ?? 0) - BigInt(said.deficit);
        const change = net(after) - net(before);
        difference.textContent = change === 0n
          ? `At ${show(at, unit)} both revisions have the same balance.`
          : `At ${show(at, unit)} revision ${later} has ${amount(change < 0n ? -change : change)} ${change < 0n ? "less" : "more"} `
            + `than revision ${earlier}.`;
      } catch (error) {
        complain(difference, error);
      }
    }
    const titles = [earlier, later].map((revision) => element("h3", {}, `Revision ${revision}`));
    const between = element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Records between" });
    shown.replaceChildren(difference,
      element("div", { class: "pair" }, ...pictures.map((picture, place) => element("div", {}, titles[place], picture.node))),
      element("h3", {}, "Records between them"), between);
    const entries = [];
    let after = earlier;
    do {
      const answer = await ask(ofAccount(account, "told"), { query: { after, through: later, limit: 1000 }, signal });
      entries.push(...answer.entries);
      after = answer.next;
    } while (after !== null && entries.length < 5_000);
    const caption = after === null ? `${entries.length} ${entries.length === 1 ? "entry" : "entries"}` : `the first ${entries.length} entries`;
    between.replaceChildren(recordTable(caption, account, entries, unit, signal));
    await look({});
  }
  await compare();
}

/** What became of each grant. */
export async function showStatement(place, account, unit, signal) {
  const at = element("input", { id: "statement-at", size: 24, placeholder: unit ? "now" : "instant" });
  const found = element("div", { "aria-live": "polite" });
  async function look() {
    try {
      const instant = parse(at.value, unit) ?? now(unit);
      const statement = await ask(ofAccount(account, "statement"), { query: { at: instant }, signal });
      draw(statement, instant);
    } catch (error) {
      complain(found, error);
    }
  }
  function draw(statement, instant) {
    const parts = ["granted", "drawn", "lapsed", "forfeited", "revoked", "remaining"];
    const columns = [{ title: "grant", kind: "name" }, { title: "credit id", kind: "name" },
      ...parts.map((title) => ({ title, number: true }))];
    const rows = statement.grants.map((grant) => [
      printable(grant.grant ?? ""),
      printable(grant.credit_id ?? ""),
      ...parts.map((part) => amount(grant[part])),
    ]);
    found.replaceChildren(
      element("div", { class: "scroll" }, table(`At ${show(instant, unit)}, revision ${statement.revision}`, columns, rows)),
      element("p", {}, ["used", "drawn", "deficit", "dropped"].map((part) => `${part} ${amount(statement[part])}`).join(", ")));
  }
  place.replaceChildren(
    element("form", { submit: (event) => { event.preventDefault(); look(); } },
      element("label", { for: "statement-at" }, "At"), at, element("button", {}, "Show")),
    found);
  await look();
}

function now(unit) {
  if (!unit) throw new Error("The store has no unit of time: type an instant");
  return parse(new Date().toISOString(), unit);
}

/** What an account would answer if something were posted, without posting it. */
export async function showWhatIf(place, account, unit, signal) {
  const field = (id, label, value = "") => {
    const input = element("input", { id, value, size: 22, spellcheck: "false" });
    return [element("label", { for: id }, label), input];
  };
  const kind = element("select", { id: "what-kind" },
    element("option", { value: "usage" }, "usage"), element("option", { value: "grant" }, "a grant"));
  const [amountLabel, units] = field("what-amount", "of", "100");
  const [atLabel, at] = field("what-at", "at");
  const [lengthLabel, length] = field("what-length", "for steps");
  const [askLabel, asked] = field("what-asked", "asked at");
  const found = element("div", { "aria-live": "polite" });
  async function look() {
    try {
      const takesEffect = parse(at.value, unit) ?? now(unit);
      const instant = parse(asked.value, unit) ?? takesEffect;
      const body = { entries: [planned(takesEffect)], at: [String(instant)] };
      const [before, after] = await Promise.all([
        ask(ofAccount(account, "readout"), { query: { at: instant }, signal }),
        ask(ofAccount(account, "what-if"), { method: "POST", body, signal }),
      ]);
      draw(before, after, instant);
    } catch (error) {
      complain(found, error);
    }
  }
  function planned(takesEffect) {
    const sum = units.value.trim();
    if (kind.value === "usage") return { kind: "usage", amount: sum, at: String(takesEffect) };
    const steps = length.value.trim();
    const expiration = steps === "" ? null : String(BigInt(steps) - 1n);
    return { kind: "grant", amount: sum, start: String(takesEffect), expiration };
  }
  function draw(before, after, instant) {
    const [answer] = after.balances;
    const columns = [{ title: `at ${show(instant, unit)}` }, { title: "as it is", number: true }, { title: "as it would be", number: true }];
    const rows = ["balance", "deficit"].map((part) => [part, amount(before[part]), amount(answer[part])]);
    rows.push(["status", before.status, answer.status]);
    const dry = after.runs_dry === null ? "It does not run dry." : `It runs dry at ${show(after.runs_dry, unit)}.`;
    found.replaceChildren(table("Nothing is posted by this; holds are not counted", columns, rows), element("p", {}, dry));
  }
  place.replaceChildren(
    element("form", { submit: (event) => { event.preventDefault(); look(); } },
      element("label", { for: "what-kind" }, "If"), kind, amountLabel, units, atLabel, at, lengthLabel, length,
      askLabel, asked, element("button", { id: "what-ask" }, "Ask")),
    found);
}
