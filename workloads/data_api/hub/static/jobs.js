// Files that are made while nobody waits: the tenant's list, which keeps itself up to date.
import { get, send } from "./api.js";
import { attempt, cell, number, time } from "./page.js";

const PATH = "/v1/downloads/jobs";
/** Seconds between two looks at the list: while a file is made, and else. */
const SOON = 2, LATER = 30;
const table = document.getElementById("jobs");
let waiting, shown;

const STATES = {
  queued: () => "waits", running: (one) => (one.progress === null ? "is made" : `is made, ${number(100 * one.progress, 0)} %`),
  done: () => "is there", failed: () => "failed", expired: () => "is gone",
};

function size(bytes) {
  return bytes < 1048576 ? `${number(bytes / 1024, 0)} KiB` : `${number(bytes / 1048576, 1)} MiB`;
}

function actions(one) {
  const doing = document.createElement("td");
  if (one.link) {
    const link = Object.assign(document.createElement("a"), { href: one.link, textContent: "Save", download: "" });
    link.setAttribute("aria-label", `Save ${name(one)}`);
    doing.append(link, " ");
  }
  const open = one.state === "queued" || one.state === "running";
  const remove = Object.assign(document.createElement("button"), { type: "button", textContent: open ? "Cancel" : "Remove" });
  remove.setAttribute("aria-label", `${remove.textContent} ${name(one)}`);
  remove.addEventListener("click", () => attempt(async () => {
    await send("DELETE", `${PATH}/${one.id}`);
    await list();
  }));
  doing.append(remove);
  return doing;
}

function name(one) {
  const asked = new URLSearchParams(one.asked);
  return [one.dataset, asked.get("symbol") ?? asked.get("zone") ?? "all", one.format.toUpperCase()].join(" · ");
}

function line(one) {
  const made = document.createElement("tr");
  const told = STATES[one.state](one) + (one.error ? `: ${one.error}` : "");
  made.append(
    cell(name(one), { header: true }), cell(time(one.asked_at, "")), cell(told, { mark: one.state === "failed" ? "down" : "" }),
    cell(one.rows ? number(one.rows, 0) : "–", { number: true }), cell(one.bytes ? size(one.bytes) : "–", { number: true }),
    cell(one.link ? time(one.expires_at, "") : "–"), actions(one),
  );
  return made;
}

/** The list as it is now, and again after a while: soon, where a file is made. */
async function list() {
  clearTimeout(waiting);
  let seconds = LATER;
  try {
    if (!document.hidden) {
      const { items } = await get(PATH);
      if (items.some((one) => one.state === "queued" || one.state === "running")) seconds = SOON;
      // What is the same stays, so that nobody's place on the page is lost.
      const now = JSON.stringify(items);
      if (now !== shown) {
        shown = now;
        table.tBodies[0].replaceChildren(...items.map(line));
        document.getElementById("no-jobs").hidden = items.length > 0;
      }
    }
  } finally {
    waiting = setTimeout(() => attempt(list, true), seconds * 1000);
  }
}

/** Ask for a file as a job; its line is in the list when this returns. */
export async function ask(question) {
  await send("POST", PATH, question);
  await list();
}

/** Show the list where this platform makes files. */
export function begin() {
  if (!table) return;
  document.addEventListener("visibilitychange", () => { if (!document.hidden) attempt(list, true); });
  document.getElementById("zone").addEventListener("change", () => { shown = undefined; attempt(list, true); });
  attempt(list, true);
}
