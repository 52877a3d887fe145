// Charts over delivery periods: prices with their forecasts in a band, and curves beside each other.
import { zoneOf } from "./page.js";

let plot;

// From this many seconds between marks on: the mark, and what is added where the year or the day is another one.
const DAY = "\n{DD} {MMM} {YYYY}";
const MARKS = [
  [31536000, "{YYYY}", null, null, null, null, null, null, 1],
  [2419200, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86400, "{DD} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", DAY, null, DAY, null, null, null, 1],
];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Draw, in `element`, columns of equal length: times in seconds, prices, forecasts, lower, upper (null: none). */
export function draw(element, columns, { market, unit }) {
  plotted(element, columns, { zone: zoneOf(market), unit }, [
    { label: "price", stroke: colour("--price"), width: 1.5, paths: steps(), points: { show: false } },
    { label: "forecast", stroke: colour("--forecast"), width: 0, points: { show: true, size: 4, fill: colour("--forecast") } },
    { label: "low", stroke: colour("--forecast"), width: 0.5, points: { show: false }, spanGaps: false },
    { label: "high", stroke: colour("--forecast"), width: 0.5, points: { show: false }, spanGaps: false },
  ], [{ series: [4, 3], fill: colour("--band") }]);
}

/** Draw curves beside each other: times in seconds, then a column a name; told apart by colour and by dashes. */
export function compare(element, columns, names, { zone, unit }) {
  const colours = ["--price", "--line-1", "--line-2", "--line-3", "--line-4"];
  const dashes = [[], [8, 4], [3, 3], [10, 3, 2, 3], [2, 5]];
  plotted(element, columns, { zone: zoneOf("", zone), unit }, names.map((label, at) => {
    const kind = at ? (at - 1) % 4 + 1 : 0;
    return { label, stroke: colour(colours[kind]), dash: dashes[kind], width: kind ? 1.75 : 2, paths: steps(), points: { show: false } };
  }));
}

function steps() {
  return globalThis.uPlot?.paths.stepped({ align: 1 });
}

function plotted(element, columns, { zone, unit }, series, bands = []) {
  plot?.destroy();
  if (typeof uPlot === "undefined") {
    element.textContent = "The chart could not be loaded; the table below has the same figures.";
    return;
  }
  const grid = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: colour("--muted"), grid, ticks: grid };
  plot = new uPlot({
    width: Math.max(280, element.clientWidth),
    height: Math.max(240, Math.min(420, innerHeight * 0.45)),
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    scales: { x: { time: true } },
    axes: [{ ...axis, values: MARKS }, { ...axis, size: 64, label: unit, labelSize: 18 }],
    legend: { live: true },
    series: [{ value: "{YYYY}-{MM}-{DD} {HH}:{mm}" }, ...series],
    bands,
  }, columns, element);
}

/** Back to all that was drawn. */
export function whole() {
  const times = plot?.data[0];
  if (times?.length) plot.setScale("x", { min: times[0], max: times[times.length - 1] });
}
