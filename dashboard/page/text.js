// Numbers and verdicts as people read them.
"use strict";

const TIME_UNITS = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];
const SIZE_UNITS = [[1e9, "GB"], [1e6, "MB"], [1e3, "KB"], [1, "B"]];
const COUNT_UNITS = [[1e9, "G"], [1e6, "M"], [1e3, "K"], [1, ""]];
const SIGNS = {
  faster: "▼",
  slower: "▲",
  same: "=",
  "can't tell": "?",
  "not comparable": "≠",
  "not measured": "–",
};

/** Return a number in three significant digits. */
function digits(number) {
  const short = Number(number.toPrecision(3));
  if (short === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(short)));
  return short.toFixed(Math.min(6, Math.max(0, 2 - size)));
}

function scaled(number, units) {
  const found = units.find(([size]) => Math.abs(number) >= 0.9995 * size) || units[units.length - 1];
  return `${digits(number / found[0])} ${found[1]}`.trim();
}

/** Return a value with its unit. */
function valueText(value, unit) {
  if (value === null || value === undefined) return "–";
  if (unit === "seconds") return scaled(value, TIME_UNITS);
  if (unit === "microseconds") return scaled(value / 1e6, TIME_UNITS);
  if (unit === "bytes") return scaled(value, SIZE_UNITS);
  if (unit === "instructions") return scaled(value, COUNT_UNITS);
  return `${Number.isInteger(value) ? value : digits(value)} ${unit}`;
}

/** Return how fast that is, for what has a size. */
function speedText(row, seconds) {
  return row.case.size && seconds ? `${digits(row.case.size / seconds / 1e6)} MB/s` : "";
}

/** Return after / before. */
function ratioText(row) {
  if (!row.ratio || row.verdict === "not comparable") return "–";
  return row.evidence ? digits(row.ratio) : countRatioText(row.ratio);
}

/** Return a ratio of what repeats: near 1, a thousandth is news. */
function countRatioText(ratio) {
  return Math.abs(ratio - 1) < 0.1 ? ratio.toFixed(3) : digits(ratio);
}

/** Return the 95% interval of a ratio; empty where there is none. */
function intervalText(row) {
  return row.evidence ? `${digits(row.evidence.low)}–${digits(row.evidence.high)}` : "";
}

/** Return what a verdict is called: room and modules are not slow or fast. */
function verdictWord(row) {
  const isSize = !row.case.isTimed && row.case.unit !== "instructions";
  if (isSize && row.verdict === "slower") return "larger";
  if (isSize && row.verdict === "faster") return "smaller";
  return row.verdict;
}

/** Return the verdict, and how many times as fast or slow. */
function verdictText(row) {
  if (isNews(row) && row.ratio) {
    return `${verdictWord(row)} ${digits(row.ratio > 1 ? row.ratio : 1 / row.ratio)}×`;
  }
  return verdictWord(row);
}

/** Return what else is to be known of a row. */
function noteText(row) {
  const notes = row.reason ? [row.reason] : [];
  if (row.verdict === "can't tell" && row.evidence) {
    notes.unshift(`would have seen ${digits(100 * row.detectable)}%`);
  }
  if (row.disagree) notes.push(`instructions: ${row.witness}`);
  return notes.join("; ");
}

/** Return how a case that people know has changed, in words; null where it has not. */
function changeInWords(label, row) {
  if (!row || !isNews(row) || !row.ratio) return null;
  const times = digits(row.ratio < 1 ? 1 / row.ratio : row.ratio);
  return `${label} ${times}× ${verdictWord(row)}`;
}

/** Say in a line what a comparison came to, as a manager reads it. */
function headline(comparison, highlights) {
  const { rows } = comparison;
  const measured = rows.filter(isMeasured);
  if (!measured.length) return "nothing was measured of both that can be compared";
  const byName = new Map(rows.map((row) => [row.case.name, row]));
  const said = highlights
    .map(({ label, cases }) => changeInWords(label, cases.map((name) => byName.get(name)).find(
      (row) => row && isNews(row))))
    .filter((each) => each !== null);
  const regressions = rows.filter(isRegression).length;
  said.push(`${regressions} regression${regressions === 1 ? "" : "s"}`);
  const floor = noiseFloor(rows);
  said.push(floor === null ? "no control beside it" : `noise floor ±${digits(100 * floor)}%`);
  return said.join(", ");
}

/** Return how many rows have each verdict, in words. */
function countsText(rows) {
  const measured = rows.filter(isMeasured).length;
  const counts = VERDICTS.map((verdict) => [rows.filter((row) => row.verdict === verdict).length, verdict]);
  const said = counts.filter(([count]) => count).map(([count, verdict]) => `${count} ${verdict}`);
  return `measured ${measured} of ${rows.length}: ${said.join(", ")}`;
}
