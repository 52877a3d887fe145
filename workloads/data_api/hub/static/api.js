// What pages ask of the API, and how they say that it did not answer.

export class Problem extends Error {
  constructor(status, detail, remedy) {
    super(detail);
    this.status = status;
    this.remedy = remedy;
  }
}

/** The answer of a route as it is given out. Throws a Problem that says what to do. */
export async function get(path, parameters = {}) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  let answer;
  try {
    answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  } catch {
    throw new Problem(0, "The platform does not answer.", "Check your connection; the page tries again by itself.");
  }
  if (answer.ok) return answer.json();
  if (answer.status === 401) location.assign(`/hub/login?${new URLSearchParams({ next: location.pathname + location.search })}`);
  const told = await answer.json().catch(() => ({}));
  throw new Problem(answer.status, told.detail ?? `Answer ${answer.status}.`, told.remedy ?? "Try again.");
}

/** All rows of a question, page by page; `seen` is told of each page. */
export async function all(path, parameters, seen = () => {}, most = Infinity) {
  const rows = [];
  let cursor;
  do {
    const page = await get(path, { ...parameters, cursor });
    rows.push(...page.items);
    seen(rows.length);
    cursor = page.next;
  } while (cursor && rows.length < most);
  return rows;
}
