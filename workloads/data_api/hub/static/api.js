// What pages ask of the API, and how they say that it did not answer.

export class Problem extends Error {
  /** `after`: seconds after which to ask again, of one that passes by itself. */
  constructor(status, detail, remedy, errors = [], after = undefined) {
    super(detail);
    this.status = status;
    this.remedy = remedy;
    this.errors = errors;
    this.after = after;
  }
}

/** Seconds after which to ask again where nobody says when. */
const AGAIN = 5;

/** Seconds after which one who is busy is to be asked again. */
function later(answer) {
  return answer.status === 503 ? Math.max(1, Number(answer.headers.get("Retry-After")) || AGAIN) : undefined;
}

/** The address of a route with the parameters that have a value. */
export function address(path, parameters = {}) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  return url;
}

/** The answer of a route as it is given out. Throws a Problem that says what to do. */
export function get(path, parameters = {}) {
  return send("GET", path, parameters);
}

/** As `get`, with another method; `body` goes as JSON. An answer without content is null. */
export async function send(method, path, parameters = {}, body = undefined, signal = undefined) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(address(path, parameters), {
      method, headers, signal, credentials: "same-origin", body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The platform does not answer.", "Check your connection.", [], AGAIN);
  }
  if (answer.ok) return answer.status === 204 || method === "HEAD" ? null : answer.json();
  if (answer.status === 401) location.assign(`/hub/login?${new URLSearchParams({ next: location.pathname + location.search })}`);
  // The answer to HEAD has no text: why it is refused is asked for. Not of one who is busy, whom it would keep so.
  if (method === "HEAD" && answer.status !== 503) answer = await refusal(address(path, parameters), answer);
  const told = await answer.json().catch(() => ({}));
  throw new Problem(answer.status, told.detail ?? `Answer ${answer.status}.`, told.remedy ?? "Try again.", told.errors, later(answer));
}

/** The refusal with its text; `head` where it is none any more, or cannot be had. */
async function refusal(url, head) {
  const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" }).catch(() => head);
  if (!answer.ok) return answer;
  await answer.body?.cancel();
  return head;
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
