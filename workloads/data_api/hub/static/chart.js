// Prices as steps over their delivery periods, forecasts as points in a band.
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
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zoneOf(market)),
    scales: { x: { time: true } },
    axes: [{ ...axis, values: MARKS }, { ...axis, size: 64, label: unit, labelSize: 18 }],
    legend: { live: true },
    series: [
      { value: "{YYYY}-{MM}-{DD} {HH}:{mm}" },
      { label: "price", stroke: colour("--price"), width: 1.5, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } },
      { label: "forecast", stroke: colour("--forecast"), width: 0, points: { show: true, size: 4, fill: colour("--forecast") } },
      { label: "low", stroke: colour("--forecast"), width: 0.5, points: { show: false }, spanGaps: false },
      { label: "high", stroke: colour("--forecast"), width: 0.5, points: { show: false }, spanGaps: false },
    ],
    bands: [{ series: [4, 3], fill: colour("--band") }],
  }, columns, element);
}

/** Back to all that was drawn. */
export function whole() {
  const times = plot?.data[0];
  if (times?.length) plot.setScale("x", { min: times[0], max: times[times.length - 1] });
}
