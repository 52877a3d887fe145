import { all, get } from "./api.js";
import { asOf, cell, keep, link, number } from "./page.js";

keep(async () => {
  const instruments = await all("/v1/instruments", { limit: 5000 });
  const symbols = [...new Set(instruments.map((one) => one.symbol))];
  const pages = [];
  for (const symbol of symbols) pages.push(await get("/v1/skill", { symbol }));
  const rows = pages.flatMap((page) => page.items);
  document.querySelector("#models tbody").replaceChildren(...rows.map((row) => {
    const line = document.createElement("tr");
    const name = cell("", { header: true });
    name.append(link(row.symbol, "instrument", { symbol: row.symbol, resolution: row.resolution }));
    const better = row.skill === null ? "" : row.skill > 0 ? "up" : "down";
    const share = (value) => `${number(value * 100, 1)} %`;
    line.append(
      name, cell(row.data), cell(`${row.model_name}, version ${row.model_version}`), cell(row.model_alias),
      cell(number(row.outcomes, 0), { number: true }), cell(number(row.mean_absolute_error), { number: true }),
      cell(number(row.naive_mean_absolute_error), { number: true }), cell(number(row.skill, 3), { number: true, mark: better }),
      cell(share(row.coverage), { number: true }), cell(share(row.nominal_level), { number: true }),
    );
    return line;
  }));
  document.getElementById("empty").hidden = rows.length > 0;
  asOf(pages[0]?.as_of ?? new Date().toISOString());
}, 60);
