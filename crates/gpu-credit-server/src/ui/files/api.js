// Asks the service, with the token of this tab.

const KEY = "gpu-credit-token";

export const token = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (text) => sessionStorage.setItem(KEY, text),
  forget: () => sessionStorage.removeItem(KEY),
};

/** What the service answers instead. */
export class Problem extends Error {
  constructor(status, document) {
    super([document.title, document.detail].filter(Boolean).join(": ") || `The service answers ${status}`);
    this.status = status;
    this.document = document;
  }
}

/** The path of a resource of an account. @param {string} account @param {...string} parts */
export function ofAccount(account, ...parts) {
  return ["/v1/accounts", ...[account, ...parts].map(encodeURIComponent)].join("/");
}

/**
 * @param {string} path
 * @param {{method?: string, query?: Record<string, unknown>, body?: unknown, signal?: AbortSignal, text?: boolean}} [options]
 */
export async function ask(path, { method = "GET", query = {}, body, signal, text = false } = {}) {
  const parameters = new URLSearchParams();
  // Integers as text: a number of a script has 53 bits.
  if (!text) parameters.set("numbers", "string");
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") parameters.set(name, String(value));
  }
  const headers = { authorization: `Bearer ${token.get()}` };
  if (body !== undefined) headers["content-type"] = "application/json";
  const answer = await fetch(`${path}?${parameters}`, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
    cache: "no-store",
    credentials: "omit",
  });
  if (!answer.ok) {
    const document = await answer.json().catch(() => ({}));
    if (answer.status === 401) dispatchEvent(new CustomEvent("token-refused"));
    throw new Problem(answer.status, document);
  }
  return text ? answer.text() : answer.json();
}
