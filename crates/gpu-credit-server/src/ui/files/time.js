// Instants: whole numbers of the store's unit since 1970, as BigInt.

const NANOSECONDS = { s: 1_000_000_000n, ms: 1_000_000n, us: 1_000n, ns: 1n };
const LAST = 2n ** 63n - 1n;
const FIRST = -(2n ** 63n);
/** Milliseconds that a Date can show. */
const DATE_MAX = 8_640_000_000_000_000n;

/** @param {bigint} number @param {bigint} by */
function floor(number, by) {
  const quotient = number / by;
  return number % by < 0n ? quotient - 1n : quotient;
}

/** @param {bigint | string} instant @param {string | null} unit */
export function show(instant, unit) {
  const at = BigInt(instant);
  if (at === LAST) return "never";
  const nanoseconds = unit ? NANOSECONDS[unit] : undefined;
  if (nanoseconds === undefined) return String(at);
  const milliseconds = floor(at * nanoseconds, 1_000_000n);
  if (milliseconds > DATE_MAX || milliseconds < -DATE_MAX) return String(at);
  const text = new Date(Number(milliseconds)).toISOString();
  const rest = at * nanoseconds - milliseconds * 1_000_000n;
  if (rest !== 0n) return text.replace("Z", `${String(rest).padStart(6, "0").replace(/0+$/, "")}Z`);
  return text.replace(/\.000Z$/, "Z").replace(/(\.\d*?)0+Z$/, "$1Z");
}

/** Milliseconds since 1970. @param {string | number} instant */
export function showRecorded(instant) {
  return show(BigInt(instant), "ms");
}

/** What somebody typed; undefined if it is nothing. @param {string} text @param {string | null} unit */
export function parse(text, unit) {
  const typed = text.trim();
  if (typed === "") return undefined;
  if (/^[+-]?\d+$/.test(typed)) return within(BigInt(typed));
  const nanoseconds = unit ? NANOSECONDS[unit] : undefined;
  const hasZone = /(Z|[+-]\d\d:?\d\d)$/i.test(typed);
  const isDate = /^\d{4}-\d\d-\d\d$/.test(typed);
  const milliseconds = Date.parse(hasZone || isDate ? typed : `${typed.replace(" ", "T")}Z`);
  if (nanoseconds === undefined || Number.isNaN(milliseconds)) {
    throw new Error(`${typed}: expected an instant such as ${unit ? "2026-03-01T12:00:00Z or " : ""}1772366400`);
  }
  return within(floor(BigInt(milliseconds) * 1_000_000n, nanoseconds));
}

/** The nearest instant there is. @param {bigint} instant */
export function within(instant) {
  return instant > LAST ? LAST : instant < FIRST ? FIRST : instant;
}

/** Days as steps of a unit. @param {number} days @param {string | null} unit */
export function days(days, unit) {
  const nanoseconds = unit ? NANOSECONDS[unit] : undefined;
  return nanoseconds === undefined ? undefined : (BigInt(days) * 86_400_000_000_000n) / nanoseconds;
}
