// A scenario as a card of sliders, and back to the steps that the API takes.
import { amount, period, written } from "./sheet.js";

/** What a slider changes; `none` is where it changes nothing. */
const SLIDERS = [
  { kind: "shift", name: "amount", title: "Shift", unit: "a MWh, all hours", least: -50, most: 50, step: 0.5, none: 0 },
  { kind: "tilt", name: "amount", title: "Tilt", unit: "a MWh at the far end", least: -50, most: 50, step: 0.5, none: 0 },
  { kind: "shape", name: "factor", title: "Shape", unit: "× within a day", least: 0, most: 3, step: 0.05, none: 1 },
  { kind: "outage", name: "megawatts", title: "Outage", unit: "MW missing", least: 0, most: 5000, step: 50, none: 0 },
];
const ORDER = SLIDERS.map(({ kind }) => kind);

/** Whether sliders can show these steps: each kind at most once, in their order, of all hours. */
export function shown(steps) {
  const places = steps.map((step) => ORDER.indexOf(step.kind));
  return places.every((place, at) => place >= 0 && (at === 0 || place > places[at - 1]))
    && steps.every((step) => step.kind === "outage" || !step.of);
}

let count = 0;

/** A card; `value` is the scenario as it stands, and null where it changes nothing yet. */
export class Card {
  constructor(scenario, changed, removed) {
    this.id = `scenario-${(count += 1)}`;
    this.changed = changed;
    this.element = Object.assign(document.createElement("fieldset"), { className: "card" });
    const legend = document.createElement("legend");
    const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "✕", className: "quiet" });
    remove.addEventListener("click", () => removed(this));
    this.name = this.text("Name", scenario.name);
    this.name.maxLength = 64;
    legend.textContent = scenario.name;
    const label = () => {
      legend.textContent = this.name.value;
      remove.setAttribute("aria-label", `Remove ${this.name.value}`);
    };
    this.name.addEventListener("input", label);
    this.element.prepend(legend);
    this.element.append(remove);
    label();
    if (shown(scenario.steps)) this.sliders(scenario.steps);
    else this.kept(scenario.steps);
    this.problem = Object.assign(document.createElement("p"), { className: "wrong", hidden: true, id: `${this.id}-problem` });
    this.problem.setAttribute("role", "alert");
    this.element.append(this.problem);
  }

  text(title, value, size = 14) {
    const label = document.createElement("label");
    const field = Object.assign(document.createElement("input"), { type: "text", value, size, autocomplete: "off", spellcheck: false });
    field.addEventListener("input", this.changed);
    label.append(`${title} `, field);
    this.element.append(label);
    return field;
  }

  /** Steps that no slider shows are kept as they are. */
  kept(steps) {
    this.steps = steps;
    this.element.append(Object.assign(document.createElement("p"), {
      className: "hint", textContent: `Made by a program, kept as it is: ${steps.map((step) => step.kind).join(", ")}.`,
    }));
  }

  sliders(steps) {
    this.fields = new Map();
    for (const slider of SLIDERS) {
      const step = steps.find((one) => one.kind === slider.kind);
      const value = step?.[slider.name] ?? slider.none;
      const id = `${this.id}-${slider.kind}`;
      const label = Object.assign(document.createElement("label"), { htmlFor: id, textContent: `${slider.title} ` });
      label.append(Object.assign(document.createElement("small"), { textContent: slider.unit }));
      const range = Object.assign(document.createElement("input"), { type: "range", min: slider.least, max: slider.most, step: slider.step, id, value });
      // A slider goes as far as it goes; the number beside it as far as the API takes it.
      const exact = Object.assign(document.createElement("input"), { type: "text", inputMode: "decimal", size: 6, value: written(value), className: "number", autocomplete: "off" });
      exact.setAttribute("aria-label", `${slider.title}, exact`);
      range.addEventListener("input", () => { exact.value = written(range.value); this.changed(); });
      exact.addEventListener("input", () => { range.value = amount(exact.value) ?? slider.none; this.changed(); });
      const line = Object.assign(document.createElement("div"), { className: "slider" });
      line.append(label, range, exact);
      this.element.append(line);
      this.fields.set(slider.kind, exact);
    }
    const outage = steps.find((step) => step.kind === "outage");
    this.per = this.text("Outage: rise a GW", written(outage?.per_gigawatt ?? 2.5), 5);
    this.per.inputMode = "decimal";
    this.when = this.text("in", outage?.of.period ?? "", 9);
    this.when.placeholder = "2027-W05";
    this.when.setAttribute("aria-label", "Outage: in which period");
    this.load = outage?.of.profile;
  }

  get value() {
    const name = this.name.value.trim();
    if (this.steps) return { name, steps: this.steps };
    const steps = [];
    for (const { kind, name: field, none } of SLIDERS) {
      const given = amount(this.fields.get(kind).value) ?? none;
      if (given === none) continue;
      steps.push({ kind, [field]: given });
      if (kind !== "outage") continue;
      Object.assign(steps.at(-1), { per_gigawatt: amount(this.per.value) ?? 0, of: { period: period(this.when.value) } });
      if (this.load) steps.at(-1).of.profile = this.load;
    }
    return steps.length ? { name, steps } : null;
  }

  tell(text) {
    this.problem.textContent = text;
    this.problem.hidden = !text;
    this.element.classList.toggle("faulty", Boolean(text));
  }
}
