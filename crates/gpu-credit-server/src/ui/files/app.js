// The page: which view the address names, and the token.

import { token } from "./api.js";
import { showAccounts } from "./accounts.js";
import { showAccount } from "./account.js";
import { complain, element } from "./elements.js";

const content = document.getElementById("content");
const form = document.getElementById("token-form");
const input = document.getElementById("token");
const forget = document.getElementById("forget");
let shown = new AbortController();

async function route({ focus = true } = {}) {
  shown.abort();
  shown = new AbortController();
  forget.hidden = token.get() === "";
  if (token.get() === "") {
    content.replaceChildren(element("p", {}, "Type in a token to begin. It stays in this tab, and is forgotten with it. ",
      "`gpu-credit token` makes one."));
    input.focus();
    return;
  }
  const place = element("div");
  content.replaceChildren(place);
  const [, view, name] = location.hash.split("/");
  try {
    if (view === "account" && name) await showAccount(place, decodeURIComponent(name), shown.signal);
    else await showAccounts(place, shown.signal);
    if (focus) content.focus({ preventScroll: true });
  } catch (error) {
    complain(place, error);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  token.set(input.value.trim());
  input.value = "";
  route();
});
forget.addEventListener("click", () => {
  token.forget();
  route();
});
addEventListener("hashchange", () => route());
addEventListener("token-refused", () => {
  forget.hidden = false;
  input.focus();
});
route({ focus: false });
