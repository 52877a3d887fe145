// What people type and paste: numbers of any country, periods as traders call them, rows of a spreadsheet.

const PROFILES = { base: "base", baseload: "base", peak: "peak", peakload: "peak", offpeak: "off-peak", "off-peak": "off-peak" };
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/**
 * A number, whichever mark it has before its decimals; undefined where there is none, NaN where it is no number or
 * may be two: 1,082 is more than a thousand in one country and little more than one in another.
 */
export function amount(text) {
  let bare = text.trim().replace(/[\s\u00a0\u202f'’]/g, "").replace(/^[\u2212\u2013]/, "-").replace(/^[€$£]|[€$£]$/g, "");
  if (bare === "") return undefined;
  if (/^[+-]?[1-9]\d{0,2},\d{3}$/.test(bare)) return NaN;
  const [dot, comma] = [bare.lastIndexOf("."), bare.lastIndexOf(",")];
  if (comma > dot) {
    // The last mark is that of the decimals, unless it stands more than once.
    bare = bare.indexOf(",") === comma ? bare.replaceAll(".", "").replace(",", ".") : bare.replaceAll(",", "");
  } else {
    bare = bare.replaceAll(",", "");
  }
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(bare) ? Number(bare) : NaN;
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
    const rest = row.slice(1);
    const load = profile(rest[0] ?? "") ? rest.shift() : "";
    const figures = rest.filter((cell) => cell !== "");
    const [price, bid, ask] = figures.length === 2 ? ["", ...figures] : figures;
    return made(row[0], load, price, bid, ask);
  });
}

function made(when, load, price = "", bid = "", ask = "") {
  return { period: period(when), profile: profile(load ?? "") ?? "base", price, bid, ask };
}
