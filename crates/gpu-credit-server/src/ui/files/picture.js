// A picture of an account that is drawn by the service: to look closer at, and to read from.

import { ask, ofAccount } from "./api.js";
import { amount, complain, element, printable } from "./elements.js";
import { show, within } from "./time.js";

const SVG = "http://www.w3.org/2000/svg";
/** What a picture is made of. */
const DRAWN = new Set(["svg", "g", "title", "text", "rect", "polygon", "polyline"]);

/** Reads a picture; never as markup of the page. @param {string} text */
function read(text) {
  const root = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  const isDrawn = (part) => part.namespaceURI === SVG && DRAWN.has(part.localName)
    && [...part.attributes].every((attribute) => !/^on|href/i.test(attribute.name));
  if (![root, ...root.querySelectorAll("*")].every(isDrawn)) throw new Error("What was drawn is no picture");
  return document.importNode(root, true);
}

export class Picture {
  /**
   * @param {string} account
   * @param {{unit: string | null, signal: AbortSignal, query?: Record<string, unknown>,
   *   onRange?: (range: {from?: bigint, to?: bigint}) => void, onReadout?: (at: bigint) => void}} options
   */
  constructor(account, { unit, signal, query = {}, onRange = () => {}, onReadout = () => {} }) {
    this.account = account;
    this.unit = unit;
    this.signal = signal;
    this.query = query;
    this.onRange = onRange;
    this.onReadout = onReadout;
    this.drawing = element("div", {
      class: "picture",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "picture",
      "aria-label": `Balance of ${printable(account)} over time. Left and right move the cursor, with shift faster; plus and minus zoom, `
        + "page up and page down move, home shows all.",
      pointermove: (event) => this.#moved(event),
      pointerdown: (event) => this.#pressed(event),
      pointerup: (event) => this.#released(event),
      pointercancel: () => this.#select(null),
      keydown: (event) => this.#typed(event),
    });
    this.readout = element("output", { class: "readout", "aria-live": "polite" },
      element("p", { class: "quiet" }, "Point at an instant, or focus the picture and use the arrow keys; drag to look closer."));
    this.node = element("div", {}, this.drawing, this.readout);
  }

  /** Draws a range of time; all of it without one. @param {{from?: bigint, to?: bigint}} [range] */
  async load(range = {}) {
    this.#drawing?.abort();
    this.#drawing = new AbortController();
    const signal = AbortSignal.any([this.signal, this.#drawing.signal]);
    try {
      const query = { ...this.query, from: range.from, to: range.to };
      const svg = read(await ask(ofAccount(this.account, "plot.svg"), { query, signal, text: true }));
      const number = (name) => Number(svg.getAttribute(name));
      this.svg = svg;
      this.from = BigInt(svg.getAttribute("data-from"));
      this.to = BigInt(svg.getAttribute("data-to"));
      this.left = number("data-left");
      this.right = number("data-right");
      this.top = number("data-top");
      this.bottom = number("data-bottom");
      this.revision = svg.getAttribute("data-revision");
      this.x = undefined;
      this.#mark = document.createElementNS(SVG, "line");
      this.#mark.setAttribute("class", "cursor");
      this.#mark.setAttribute("visibility", "hidden");
      this.#selection = document.createElementNS(SVG, "rect");
      this.#selection.setAttribute("class", "selection");
      this.#selection.setAttribute("visibility", "hidden");
      svg.append(this.#selection, this.#mark);
      this.drawing.replaceChildren(svg);
    } catch (error) {
      complain(this.drawing, error);
    }
  }

  /** The instant at a place. @param {number} x */
  instant(x) {
    const share = Math.round(((x - this.left) / (this.right - this.left)) * 1e6);
    return within(this.from + ((this.to - this.from) * BigInt(share)) / 1_000_000n);
  }

  /** The place of an instant. @param {bigint} at */
  place(at) {
    const share = Number(((at - this.from) * 1_000_000n) / (this.to - this.from || 1n)) / 1e6;
    return this.left + share * (this.right - this.left);
  }

  /** Shows what the account has at an instant. @param {bigint} at */
  async read(at) {
    if (!this.svg) return;
    const x = this.place(at);
    this.x = x;
    for (const [name, value] of [["x1", x], ["x2", x], ["y1", this.top], ["y2", this.bottom]]) {
      this.#mark.setAttribute(name, value);
    }
    this.#mark.setAttribute("visibility", "visible");
    this.#reading?.abort();
    this.#reading = new AbortController();
    const signal = AbortSignal.any([this.signal, this.#reading.signal]);
    try {
      // Not one question for each pixel that is passed.
      await new Promise((done) => setTimeout(done, 40));
      if (signal.aborted) return;
      const query = { at, as_recorded: this.query.as_recorded };
      const said = await ask(ofAccount(this.account, "readout"), { query, signal });
      this.#tell(said);
    } catch (error) {
      complain(this.readout, error);
    }
  }

  #tell(said) {
    const pairs = [
      ["at", show(said.at, this.unit)],
      ["balance", amount(said.balance)],
      ["deficit", amount(said.deficit)],
      ["held", amount(said.held)],
      ["available", amount(said.available)],
      ["spendable", amount(said.spendable)],
      ["status", said.status],
    ];
    const facts = pairs.map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", { "data-fact": name }, value)));
    const left = said.remainders.map((grant) =>
      element("li", {}, `${amount(grant.amount)} of ${printable(grant.credit_id || grant.id)}, until ${show(grant.last, this.unit)}`));
    this.readout.replaceChildren(element("dl", {}, ...facts),
      left.length ? element("ul", { class: "quiet" }, ...left) : "");
    this.readout.dataset.at = said.at;
  }

  #drawing;
  #reading;
  #mark;
  #selection;
  #pressedAt = null;

  #local(event) {
    const box = this.svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * this.svg.viewBox.baseVal.width;
    return Math.min(Math.max(x, this.left), this.right);
  }

  #moved(event) {
    if (!this.svg) return;
    const x = this.#local(event);
    if (this.#pressedAt !== null) this.#select(x);
    this.#point(x);
  }

  #point(x) {
    const at = this.instant(x);
    this.read(at);
    this.onReadout(at);
  }

  #pressed(event) {
    if (!this.svg || event.button !== 0) return;
    this.#pressedAt = this.#local(event);
    this.drawing.setPointerCapture(event.pointerId);
  }

  #released(event) {
    if (this.#pressedAt === null) return;
    const [one, other] = [this.#pressedAt, this.#local(event)].sort((a, b) => a - b);
    this.#select(null);
    const [from, to] = [this.instant(one), this.instant(other)];
    if (other - one > 4 && from < to) this.onRange({ from, to });
  }

  #select(x) {
    if (x === null) {
      this.#pressedAt = null;
      this.#selection?.setAttribute("visibility", "hidden");
      return;
    }
    const [left, right] = [this.#pressedAt, x].sort((a, b) => a - b);
    for (const [name, value] of [["x", left], ["y", this.top], ["width", right - left], ["height", this.bottom - this.top]]) {
      this.#selection.setAttribute(name, value);
    }
    this.#selection.setAttribute("visibility", "visible");
  }

  #typed(event) {
    if (!this.svg || event.ctrlKey || event.metaKey || event.altKey) return;
    const span = this.to - this.from;
    const middle = this.x === undefined ? (this.left + this.right) / 2 : this.x;
    const step = event.shiftKey ? 40 : 4;
    const keys = {
      ArrowLeft: () => this.#point(Math.max(middle - step, this.left)),
      ArrowRight: () => this.#point(Math.min(middle + step, this.right)),
      "+": () => this.#zoom(this.instant(middle), span / 4n || 1n),
      "=": () => this.#zoom(this.instant(middle), span / 4n || 1n),
      "-": () => this.#zoom(this.instant(middle), span),
      PageUp: () => this.#zoom(this.from, span / 2n || 1n),
      PageDown: () => this.#zoom(this.to, span / 2n || 1n),
      Home: () => this.onRange({}),
      Escape: () => this.onRange({}),
    };
    if (event.key in keys) {
      event.preventDefault();
      keys[event.key]();
    }
  }

  #zoom(middle, half) {
    const from = within(middle - half);
    const to = within(middle + half);
    if (from < to) this.onRange({ from, to });
  }
}
