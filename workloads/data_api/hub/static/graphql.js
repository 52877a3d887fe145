// The page on which people try GraphQL: GraphiQL, which asks /graphql in the name of who is signed in.

import { Problem } from "./api.js";
import { attempt } from "./page.js";

/** What stands there at first. */
const FIRST = `# Ctrl-Enter asks. The book at the left has all fields, and what each means.
{
  instruments(limit: 3) {
    items {
      symbol market currency unit
      prices(limit: 3) { items { delivery_start price } next }
    }
  }
}
`;

const place = document.getElementById("graphiql");

/** GraphiQL's editors say neither what they are nor that they can be scrolled by keys. */
function name() {
  const editors = [...place.querySelectorAll(".CodeMirror")];
  for (const editor of editors) {
    const called = editor.closest("[aria-label]")?.getAttribute("aria-label") ?? "Editor";
    editor.querySelector("textarea")?.setAttribute("aria-label", called);
    editor.querySelector(".CodeMirror-scroll")?.setAttribute("tabindex", "0");
  }
  if (editors.length) document.body.dataset.ready = "true";
}

/** It is dark or light as the hub is. */
function theme() {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
  document.body.classList.toggle("graphiql-dark", dark);
  document.body.classList.toggle("graphiql-light", !dark);
  sessionStorage.setItem("graphiql:theme", dark ? "dark" : "light");  // where it looks when it begins
}

const shown = await attempt(async () => {
  const { GraphiQL, React, ReactDOM } = globalThis;
  if (!GraphiQL) throw new Problem(0, "GraphiQL is not here.", "Ask /graphql itself, or tell those who run the platform.");
  theme();
  document.addEventListener("theme", theme);
  new MutationObserver(name).observe(place, { childList: true, subtree: true });
  ReactDOM.createRoot(place).render(React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: "/graphql" }), defaultQuery: FIRST, isHeadersEditorEnabled: false,
    storage: sessionStorage,  // what was typed is not for whoever comes next to this browser
  }));
});
document.getElementById("as-of").textContent = "what is asked here counts as any request of your tenant";
if (!shown) document.body.dataset.ready = "true";
