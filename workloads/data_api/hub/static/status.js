import { all } from "./api.js";
import { incidents } from "./incidents.js";
import { age, asOf, cell, keep, number, time } from "./page.js";

keep(async () => {
  const groups = new Map();
  for (const one of await all("/v1/instruments", { limit: 5000 })) {
    const key = `${one.market} ${one.source} ${one.provenance}`;
    const group = groups.get(key) ?? groups.set(key, { ...one, series: 0 }).get(key);
    group.series += 1;
    for (const name of ["last_delivery", "last_published"]) if (one[name] > group[name]) group[name] = one[name];
  }
  document.querySelector("#fresh tbody").replaceChildren(...[...groups.values()].map((group) => {
    const line = document.createElement("tr");
    line.append(
      cell(group.market, { header: true }), cell(group.source), cell(group.provenance), cell(number(group.series, 0), { number: true }),
      cell(time(group.last_delivery, group.market)), cell(time(group.last_published, group.market)),
      cell(group.provenance === "market" ? age(group.last_published) : "–"),
    );
    return line;
  }));
  document.getElementById("empty").hidden = groups.size > 0;
  asOf(new Date().toISOString());
});
// Each reading counts as rows of the tenant.
keep(incidents, 600);
