// What people type and paste: numbers of any country, periods as traders call them, rows of a spreadsheet.

const PROFILES = { base: "base", baseload: "base", peak: "peak", peakload: "peak", offpeak: "off-peak", "off-peak": "off-peak" };
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** What may be two numbers: 1,082 or 1.082 is more than a thousand in one country and little more than one in another. */
const DOUBTFUL = /^[+-]?[1-9]\d{0,2}[.,]\d{3}$/;

/**
 * A number that a person wrote, whichever mark it has before its decimals; undefined where there is none, NaN where it
 * is no number or may be two.
 */
export function amount(text) {
  let bare = text.trim().replace(/[\s\u00a0\u202f'’]/g, "").replace(/^[\u2212\u2013]/, "-").replace(/^[€$£]|[€$£]$/g, "");
  if (bare === "") return undefined;
  if (DOUBTFUL.test(bare)) return NaN;
  const [dot, comma] = [bare.lastIndexOf("."), bare.lastIndexOf(",")];
  if (comma > dot) {
    // The last mark is that of the decimals, unless it stands more than once.
    bare = bare.indexOf(",") === comma ? bare.replaceAll(".", "").replace(",", ".") : bare.replaceAll(",", "");
  } else {
    bare = bare.replaceAll(",", "");
  }
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(bare) ? Number(bare) : NaN;
}

/** A number of the API's as a text that `amount` reads as that number: 1.0820. */
export function written(value) {
  const text = String(value);
  return DOUBTFUL.test(text) ? `${text}0` : text;
}

/** A period as the API has it, from Cal-27, Q1-27, Jan-27, W05-27 too; what is none of these stays as it is. */
export function period(text) {
  const given = text.trim();
  const match = /^(cal|q[1-4]|w(?:k|eek)?\s*\d{1,2}|[a-z]{3,9})[\s\-/.']*(\d{4}|\d{2})$/i.exec(given);
  if (!match) return given.toUpperCase();
  const year = match[2].length === 2 ? `20${match[2]}` : match[2];
  const what = match[1].toLowerCase();
  if (what === "cal") return year;
  if (/^q[1-4]$/.test(what)) return `${year}-Q${what[1]}`;
  if (/^w/.test(what)) return `${year}-W${what.replace(/\D/g, "").padStart(2, "0")}`;
  const month = MONTHS.indexOf(what.slice(0, 3)) + 1;
  return month ? `${year}-${String(month).padStart(2, "0")}` : given.toUpperCase();
}

export function profile(text) {
  return PROFILES[text.trim().toLowerCase().replace(/\s+/g, "")];
}

/** Quotes of pasted text, as the table has them: all text, so that what cannot be read can be mended there. */
export function quotes(text) {
  const lines = text.split(/\r\n|\r|\n/).filter((line) => line.trim() !== "");
  const mark = ["\t", ";"].find((one) => text.includes(one)) ?? /\s+|,(?=\s|[^\d])/;
  const cells = lines.map((line) => line.split(mark).map((cell) => cell.trim()));
  const first = cells[0]?.map((cell) => cell.toLowerCase()) ?? [];
  const named = ["price", "bid", "ask", "settlement"].some((name) => first.includes(name));
  if (named) cells.shift();
  return cells.map((row) => {
    if (named) {
      const of = (...names) => row[first.findIndex((name) => names.includes(name))] ?? "";
      return made(of("period", "product", "contract", "delivery") || row[0], of("profile", "load"), of("price", "settlement"), of("bid"), of("ask"));
    }
    // As many cells as the table has columns are those columns: one that is empty says so.
    if (row.length >= 5) return made(...row);
    const rest = row.slice(1);
    // What has no digit and something after it is no figure, so it is a profile, if one that nobody knows.
    const load = profile(rest[0] ?? "") || (rest.length > 1 && /^\D+$/.test(rest[0])) ? rest.shift() : "";
    const figures = rest.filter((cell) => cell !== "");
    // Columns without that of profiles: where a figure is alone, its place says which one it is.
    if (rest.length === 3 && figures.length === 1) return made(row[0], load, ...rest);
    const [price, bid, ask] = figures.length === 2 ? ["", ...figures] : figures;
    return made(row[0], load, price, bid, ask);
  });
}

/** Cells of one column of a spreadsheet, or null where the text is more than that. */
export function column(text) {
  const cells = text.replace(/(\r\n|\r|\n)+$/, "").split(/\r\n|\r|\n/).map((cell) => cell.trim());
  return cells.length > 1 && !/[\t;]/.test(text) ? cells : null;
}

/** A profile that is not known is left empty, to be chosen: it is not taken for another one. */
function made(when, load = "", price = "", bid = "", ask = "") {
  return { period: period(when), profile: load.trim() === "" ? "base" : (profile(load) ?? ""), price, bid, ask };
}
