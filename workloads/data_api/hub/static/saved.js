// What the tenant saved: list, open, save, delete.
import { get, Problem, send } from "./api.js";
import { cell, time } from "./page.js";

const at = (id) => document.getElementById(id);
const writes = at("builder").dataset.writes === "yes";
const path = (name) => `/v1/scenarios/${encodeURIComponent(name)}`;

export class Saved {
  /** @param page { asked: the question or nothing, empty: names of scenarios that it lacks, open: show one, lost: whether some work would be, kept: it is saved } */
  constructor(page) {
    this.page = page;
    this.form = at("keep");
    /** Of each name, which one was seen last: no other is saved over. */
    this.seen = new Map();
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.here(() => this.save(this.form.name.value.trim()));
    });
  }

  /** Do it, and say here what is wrong. */
  async here(work) {
    const problem = at("saved-problem");
    problem.hidden = true;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem.textContent = `${error.message}. ${error.remedy}`;
      problem.hidden = false;
      at("saved-state").textContent = "";
    }
  }

  async list() {
    const { items } = await get("/v1/scenarios");
    this.names = new Set(items.map((one) => one.name));
    at("empty").hidden = items.length > 0;
    document.querySelector("#saved tbody").replaceChildren(...items.map((one) => {
      const line = document.createElement("tr");
      const doing = document.createElement("td");
      doing.append(this.button("Open", one.name, () => this.ask(one.name)));
      if (writes) doing.append(" ", this.button("Delete", one.name, () => this.remove(one.name, one.saved_at)));
      line.append(cell(one.name, { header: true }), cell(time(one.saved_at, "")), cell(one.saved_by), doing);
      return line;
    }));
  }

  button(text, name, work) {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    made.setAttribute("aria-label", `${text} ${name}`);
    made.addEventListener("click", () => this.here(work));
    return made;
  }

  async ask(name) {
    if (this.page.lost() && !confirm(`What is on this page is not saved. Open ${name} in its place?`)) return;
    await this.open(name);
  }

  async open(name) {
    const found = await get(path(name));
    this.page.open(found.curves);
    this.known(found);
    at("saved-state").textContent = `${found.name} is open.`;
    document.querySelector("#quotes input").focus();
  }

  async save(name) {
    const asked = this.page.asked();
    if (!asked?.quotes.length) throw new Problem(0, "There is nothing to save", "Give a quote, and mend what is marked.");
    let saved;
    try {
      saved = await send("PUT", path(name), { replaces: this.seen.get(name) }, asked);
    } catch (error) {
      if (error.status !== 409) throw error;
      await this.list();
      const [{ detail, remedy }] = error.errors;
      const told = (what) => new Problem(409, `${name} is not saved: ${detail}`, what);
      if (this.names.has(name)) throw told("Open it first to save over it, or give another name.");
      // Somebody deleted it meanwhile: there is nothing left to save over.
      if (this.seen.delete(name)) throw told("Save again to make it a new one.");
      throw told(`${remedy[0].toUpperCase()}${remedy.slice(1)}.`);
    }
    this.known(saved);
    this.page.kept();
    const empty = this.page.empty();
    at("saved-state").textContent = `${saved.name} is saved${empty.length ? `, without ${empty.join(", ")}, which changes nothing` : ""}.`;
    await this.list();
  }

  async remove(name, savedAt) {
    if (!confirm(`Delete ${name} for everybody of the tenant?`)) return;
    try {
      await send("DELETE", path(name), { saved_at: savedAt });
    } catch (error) {
      // Somebody saved over it or deleted it meanwhile: what is there now is shown.
      if (error.status === 409 || error.status === 404) await this.list();
      throw error;
    }
    this.seen.delete(name);
    at("saved-state").textContent = `${name} is deleted.`;
    await this.list();
    this.form.name.focus();
  }

  /** One that was seen has its name in the form, and in the address for others of the tenant. */
  known({ name, saved_at: instant }) {
    this.seen.set(name, instant);
    this.form.name.value = name;
    history.replaceState(null, "", `?${new URLSearchParams({ saved: name })}`);
  }
}
