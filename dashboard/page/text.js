// Numbers and verdicts as people read them; the words of mfbench/report (words.py, comparison_text.py).
"use strict";

const UNITS = {
  seconds: [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]],
  bytes: [[1e9, "GB"], [1e6, "MB"], [1e3, "KB"], [1, "B"]],
};
const SIGNS = {
  faster: "▼",
  slower: "▲",
  same: "=",
  "can't tell": "?",
  "same code": "○",
  "not comparable": "≠",
  "not measured": "–",
};
const VERDICTS = Object.keys(SIGNS);
const UNKNOWN = ["not measured", "not comparable"];
// Of which the summary says what was missed.
const MOST_TOPICS = 6;

/** Return a number in three significant digits, zeros included. */
function digits(number) {
  return number ? d3.format(".3r")(number) : "0";
}

/** Return a benchmark in words, without its topic: FirstDiscovery.time_discover is "first discovery". */
function benchmarkWords({ benchmark }) {
  const [kind, method] = benchmark.name.split(".").slice(-2);
  const words = kind.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase().split(" ");
  const more = method.replace(/^(time|timeraw|track|peakmem|mem)_/, "").split("_");
  const isNew = (word) => !words.some((each) => each.startsWith(word.slice(0, 5)));
  return [...words, ...more.filter(isNew)].join(" ");
}

/** Return a case in words: "save float64 8 MB". */
function humanName(described) {
  const values = described.shown.map((each) => each.replaceAll("-", " ").replace(/(\d)([KMG]?B)\b/g, "$1 $2"));
  return [benchmarkWords(described), values.join(", ")].filter(Boolean).join(" ");
}

/** Return a value with its unit. */
function valueText(value, unit) {
  if (value === null || value === undefined) return "–";
  if (unit === "microseconds") return valueText(value / 1e6, "seconds");
  if (unit === "instructions") return `${(value / 1e6).toFixed(1)} M`;
  if (!(unit in UNITS)) return `${Number(value.toPrecision(6))} ${unit}`;
  const [size, name] = UNITS[unit].find(([each]) => value >= 0.9995 * each) || UNITS[unit].at(-1);
  return `${digits(value / size)} ${name}`.trim();
}

/** Return a value for an axis: without a unit that would be as long as the axis. */
function axisText(value, unit) {
  if (unit === "instructions") return value ? `${digits(value / 1e6)} M` : "0";
  return value && unit in UNITS ? valueText(value, unit) : String(value);
}

/** Return the throughput of a case that has a size. */
function speedText(row, seconds) {
  return row.case.size && seconds ? `${digits(row.case.size / seconds / 1e6)} MB/s` : "";
}

/** Return before / after. */
function ratioText(row) {
  if (!row.ratio || row.verdict === "not comparable") return "–";
  return row.evidence ? digits(row.ratio) : countRatioText(row.ratio);
}

/** Return a ratio of counts or sizes: they repeat, so that near 1 a thousandth matters. */
function countRatioText(ratio) {
  if (!ratio) return "–";
  return Math.abs(ratio - 1) < 0.1 ? ratio.toFixed(3) : digits(ratio);
}

/** Return the 95% interval of a ratio; empty where there is none. */
function intervalText(row) {
  return row.evidence ? `${digits(row.evidence.low)}–${digits(row.evidence.high)}` : "";
}

/** Return before / after with its interval in brackets. */
function ratioAndInterval(row) {
  return row.evidence ? `${ratioText(row)} (${intervalText(row)})` : ratioText(row);
}

/** Return the ratio as people say it: 2.5× faster, 1.1× slower, 1.04× larger. */
function timesText(row) {
  let words = row.case.unit === "bytes" ? ["smaller", "larger"] : ["fewer", "more"];
  if (row.case.isTimed) words = ["faster", "slower"];
  // What repeats is known to more digits than a time.
  const times = Number(Math.max(row.ratio, 1 / row.ratio).toPrecision(row.case.isTimed ? 3 : 4));
  return `${times}× ${words[row.ratio >= 1 ? 0 : 1]}`;
}

/** Return the verdict, and how much has changed or could have been seen. */
function verdictText(row) {
  if (hasMoved(row) && row.ratio) return timesText(row);
  if (row.verdict !== "can't tell" || !row.evidence || excludesOne(row.evidence)) return row.verdict;
  if (row.reason.startsWith(TOO_NOISY)) return "no difference seen";
  return `no difference seen; this run could have seen ${(100 * row.detectable).toFixed(0)}%`;
}

/** Return what else there is to know of a row. */
function noteText(row) {
  const notes = [row.otherRun ? "other run" : "", row.reason].filter(Boolean);
  const words = { faster: "fewer", slower: "more", same: "the same" };
  if (row.disagree) notes.push(`instructions: ${words[row.witness]}`);
  return notes.join("; ");
}

/** Return the verdict and its note in one line. */
function verdictLine(row) {
  const note = noteText(row);
  return verdictText(row) + (note ? ` (${note})` : "");
}

/** Sum a comparison up in one line; `leftOut` rows of other runs are not among the rows. */
function summaryText(rows, leftOut = 0) {
  return `${measuredText(rows, leftOut)}; ${foundText(rows)}`;
}

/** Say what was measured, and what was not: this comes before any verdict. */
function measuredText(rows, leftOut) {
  const said = [`measured ${rows.filter(isMeasured).length} of ${rows.length} cases`];
  for (const verdict of UNKNOWN) {
    const topics = topicsOf(rows, verdict).map((counted) => counted.join(" "));
    if (topics.length) said.push(`${verdict}: ${topics.join(", ")}`);
  }
  if (leftOut) said.push(`${leftOut} row${leftOut > 1 ? "s" : ""} of other runs left out`);
  return said.join("; ");
}

/** Say how many cases have each verdict, how noisy the run was, and what it can't have seen. */
function foundText(rows) {
  const counts = VERDICTS.filter((verdict) => !UNKNOWN.includes(verdict))
    .map((verdict) => [rows.filter((row) => row.verdict === verdict).length, verdict])
    .filter(([count]) => count)
    .map((counted) => counted.join(" "));
  const said = [counts.join(", ") || "nothing to judge"];
  const noise = controlNoise(rows);
  said.push(noise === null ? "no control" : `noise of the control ±${(100 * noise).toFixed(1)}%`);
  const moved = sameCodeNoise(rows);
  if (moved !== null) said.push(`identical code moved by up to ${(100 * moved).toFixed(0)}% in this run`);
  const missed = wouldHaveMissed(rows).map(([topic, share]) => `${topic} ${(100 * share).toFixed(0)}%`);
  if (missed.length) said.push(`would have missed slow-downs below: ${missed.slice(0, MOST_TOPICS).join(", ")}`);
  return said.join("; ");
}
