// A table whose rows people write: a row is an object of texts, by the names of its columns.
import { written } from "./sheet.js";

/**
 * @param table with thead and tbody
 * @param what a row is: "quote"
 * @param columns [{ name, title, kind: "period" | "profile" | "number" }]
 * @param changed called after a change
 */
export class Grid {
  constructor(table, what, columns, changed) {
    this.table = table;
    this.what = what;
    this.columns = columns;
    this.changed = changed;
    this.more = [];
    this.head();
  }

  /** Titles of further columns, which are results. */
  head(more = []) {
    this.more = more;
    const line = document.createElement("tr");
    for (const { title, kind } of this.columns) line.append(heading(title, kind === "number"));
    for (const title of more) line.append(heading(title, true));
    const last = heading("", false);
    last.append(Object.assign(document.createElement("span"), { className: "unseen", textContent: "Remove" }));
    line.append(last);
    this.table.tHead.replaceChildren(line);
  }

  get lines() {
    return [...this.table.tBodies[0].rows];
  }

  /** Rows as texts; those that are empty are none. */
  get rows() {
    return this.lines.map((line) => this.values(line)).filter((row) => this.says(row));
  }

  /** Lines of the rows, in their order. */
  get filled() {
    return this.lines.filter((line) => this.says(this.values(line)));
  }

  set rows(rows) {
    this.table.tBodies[0].replaceChildren();
    for (const row of rows.length ? rows : [{}]) this.add(row);
  }

  says(row) {
    return this.columns.some(({ name, kind }) => kind !== "profile" && row[name] !== "");
  }

  values(line) {
    return Object.fromEntries(this.columns.map(({ name }) => [name, line.querySelector(`[name=${name}]`).value.trim()]));
  }

  add(row = {}) {
    const line = document.createElement("tr");
    for (const column of this.columns) {
      const place = document.createElement("td");
      const field = column.kind === "profile" ? choice(["base", "peak", "off-peak"]) : document.createElement("input");
      field.name = column.name;
      if (column.kind !== "profile") Object.assign(field, { type: "text", size: 9, autocomplete: "off", spellcheck: false });
      if (column.kind === "number") {
        field.inputMode = "decimal";
        place.className = field.className = "number";
      }
      const value = row[column.name] ?? (column.kind === "profile" ? "base" : "");
      field.value = typeof value === "number" ? written(value) : value;
      field.addEventListener("input", this.changed);
      place.append(field);
      line.append(place);
    }
    const place = document.createElement("td");
    const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "✕", className: "quiet" });
    remove.addEventListener("click", () => this.remove(line));
    place.append(remove);
    line.append(place);
    this.table.tBodies[0].append(line);
    this.number();
    return line;
  }

  remove(line) {
    const next = line.nextElementSibling ?? line.previousElementSibling;
    line.remove();
    if (!this.lines.length) this.add();
    this.number();
    (next ?? this.lines[0]).querySelector("input").focus();
    this.changed();
  }

  /** Names of the fields, for who does not see where they stand. */
  number() {
    for (const [at, line] of this.lines.entries()) {
      for (const { name, title } of this.columns) line.querySelector(`[name=${name}]`).setAttribute("aria-label", `${title} of ${this.what} ${at + 1}`);
      line.querySelector("button").setAttribute("aria-label", `Remove ${this.what} ${at + 1}`);
    }
  }

  /** Put results into the further columns: a list of texts a filled line. */
  tell(results) {
    for (const cell of this.table.querySelectorAll("tbody td.result")) cell.remove();
    const filled = this.filled;
    for (const line of this.lines) {
      const told = results[filled.indexOf(line)] ?? this.more.map(() => "");
      for (const { text, mark = "" } of told.map((one) => (typeof one === "string" ? { text: one } : one))) {
        const cell = Object.assign(document.createElement("td"), { textContent: text, className: `number result ${mark}` });
        line.lastElementChild.before(cell);
      }
    }
  }

  /** Mark fields as wrong: [[line, name of a column or undefined for its first]]. */
  wrong(found) {
    for (const field of this.table.querySelectorAll("[aria-invalid]")) {
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-describedby");
    }
    for (const [line, name] of found) {
      const field = line?.querySelector(`[name=${name}]`) ?? line?.querySelector("input");
      field?.setAttribute("aria-invalid", "true");
      field?.setAttribute("aria-describedby", `${this.table.id}-problem`);
    }
  }
}

function heading(text, isNumber) {
  return Object.assign(document.createElement("th"), { textContent: text, scope: "col", className: isNumber ? "number" : "" });
}

export function choice(names) {
  const made = document.createElement("select");
  made.append(...names.map((name) => Object.assign(document.createElement("option"), { textContent: name, value: name })));
  return made;
}
