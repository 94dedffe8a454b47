// Elements, with text that stays text.

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] functions are listeners; false and undefined are left out
 * @param {...(Node | string | number | bigint | null | undefined)} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false || value === null) continue;
    if (typeof value === "function") made.addEventListener(name, value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child !== null && child !== undefined) {
      made.append(child instanceof Node ? child : String(child));
    }
  }
  return made;
}

/** What others wrote, with what is not seen as itself escaped. @param {string} text */
export function printable(text) {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]|[^\S ]/gu, (character) =>
    `\\u{${character.codePointAt(0).toString(16)}}`);
}

/** A whole number with separators. @param {string | number | bigint | null | undefined} number */
export function amount(number) {
  if (number === null || number === undefined) return "none";
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

/**
 * @param {string} caption
 * @param {{title: string, number?: boolean, kind?: string}[]} columns
 * @param {(Node | string)[][]} rows
 * @param {(row: number) => string | undefined} [rowClass]
 */
export function table(caption, columns, rows, rowClass = () => undefined) {
  const kind = (column) => [column.number ? "number" : "", column.kind ?? ""].join(" ").trim() || undefined;
  const head = columns.map((column) => element("th", { scope: "col", class: kind(column) }, column.title));
  const body = rows.map((cells, place) => element("tr", { class: rowClass(place) },
    ...cells.map((cell, column) => element("td", { class: kind(columns[column]) }, cell))));
  return element("table", {},
    element("caption", { class: "quiet" }, caption),
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...body));
}

/** Says what went wrong, in a place that is read aloud. @param {Element} place @param {unknown} error */
export function complain(place, error) {
  if (error instanceof DOMException && error.name === "AbortError") return;
  const said = error instanceof Error ? error.message : String(error);
  place.replaceChildren(element("p", { class: "problem", role: "alert" }, printable(said)));
}
