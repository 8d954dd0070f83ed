// The comparison of mfbench/verdict/comparison.py and rows.py, for any two measured commits.
"use strict";

const RUNS_SINCE = 1795910400;
const APART = 45 * 60;
const ANSWERS = "answers";
const WRONG = "wrong answers";
const NO_SAMPLES = "no samples; measure with asv run --record-samples";
const DIFFERENT_RUNS = "measured in different runs; measure both in one: mfbench run BASE HEAD";

/**
 * Return the cases of the data: one object for each benchmark and set of parameters.
 * `witness` and `answer` are the places of the cases that count its instructions and check its
 * answer; null where there are none.
 */
function readCases(data) {
  return once("cases", () => data.cases.map(([place, parameters, size, witness, answer], index) => {
    const benchmark = data.benchmarks[place];
    const shown = parameters.map((each) => each.replace(/^'|'$/g, ""));
    const name = benchmark.name + (shown.length ? `(${shown.join(", ")})` : "");
    const topic = benchmark.name.split(".")[0];
    const { unit } = benchmark;
    const isTimed = unit === "seconds" || unit === "microseconds";
    return { index, benchmark, parameters, shown, name, topic, unit, isTimed, size, witness, answer };
  }));
}

/** Return what a machine measured of a commit, in its first environment if none is named; or null. */
function readSide(data, machine, commit, environment) {
  const measured = data.results[machine]?.[commit] || {};
  const name = environment || Object.keys(measured)[0];
  // What is not loaded yet is not remembered as missing.
  return measured[name] ? once(`${machine} ${commit} ${name}`, () => sideOf(measured[name])) : null;
}

/**
 * Compare two commits by what a machine measured; return rows in the order of their names. Without
 * `everyRun`, times are of one run: the one with the most, the latest of equals. `withControl` is
 * false where the control itself is judged.
 */
function compareCommits(data, machine, base, head, everyRun = false, withControl = true) {
  return once(`${machine} ${base}..${head} ${everyRun} ${withControl}`, () =>
    compared(data, machine, base, head, everyRun, withControl));
}

/** Compare a commit with its own control, which is identical code; no rows where there is none. */
function compareItself(data, machine, base) {
  const control = controlOf(data, base);
  return control ? compareCommits(data, machine, base, control, false, false) : [];
}

/** Return the hash of a commit's control; undefined where it has none. */
function controlOf(data, base) {
  return data.commits.find((each) => each.control_of === base)?.hash;
}

/** Return how many rows of other runs `compareCommits` leaves out. */
function otherRuns(data, machine, base, head) {
  const [every, kept] = [true, false].map((all) => compareCommits(data, machine, base, head, all));
  return every.length - kept.length;
}

function compared(data, machine, base, head, everyRun, withControl) {
  const [first, second] = [base, head].map((hash) => data.results[machine]?.[hash] || {});
  const environment = Object.keys(first).find((name) => name in second);
  const sides = [base, head].map((hash) => readSide(data, machine, hash, environment));
  const controlOfBase = withControl ? controlOf(data, base) : null;
  const control = controlOfBase && environment && readSide(data, machine, controlOfBase, environment);
  const names = [base, head].map((hash) => labelOf(data, hash));
  const differences = sides[0] && sides[1] ? differing(...sides.map((side) => side.circumstances)) : "";
  const cases = readCases(data);
  const measured = cases
    .filter((each) => each.topic !== ANSWERS && sides.some((side) => side?.cases.has(each.index)));
  const rows = d3.sort(measured, (each) => each.name)
    .map((each) => rowOf(each, { sides, control, names, differences, cases }));
  // Copied before "same code" replaces a verdict: a count is evidence even of that.
  const counts = new Map(rows.filter(isMeasured).map((row) => [row.case.index, { ...row }]));
  for (const row of rows.filter(isMeasured)) {
    if (!row.case.benchmark.runs_metaflow) Object.assign(row, { verdict: "same code", reason: "" });
  }
  for (const row of rows) addCount(row, counts.get(row.case.witness));
  markRuns(rows, sides[1]);
  const kept = rows.filter((row) => everyRun || !row.otherRun);
  judge(kept);
  for (const row of kept) row.disagree = disagrees(row);
  return kept;
}

function labelOf(data, hash) {
  return data.commits.find((each) => each.hash === hash).label;
}

function nameOf(data, hash) {
  return data.commits.find((each) => each.hash === hash).name;
}

/** Say in which circumstances two sides differ. */
function differing(base, head) {
  const names = [...new Set([...Object.keys(base), ...Object.keys(head)])].sort();
  return names
    .filter((name) => base[name] !== head[name])
    .map((name) => `${name} ${base[name] ?? "missing"} against ${head[name] ?? "missing"}`)
    .join(", ");
}

/** Return a row with what can be said of it alone: no verdict on times yet. */
function rowOf(described, { sides, control, names, differences, cases }) {
  const [old, now] = sides.map((side) => side?.cases.get(described.index));
  const row = { case: described, reason: "", evidence: null, controlNoise: null };
  row.before = old?.value ?? null;
  row.after = now?.value ?? null;
  if (row.before === null || row.after === null) return notMeasured(row, [old, now], names);
  row.ratio = row.after ? row.before / row.after : null;
  const wrong = wrongSides(cases[described.answer], sides);
  if (wrong.length) {
    const reason = `its answer is wrong in ${wrong.map((side) => names[sides.indexOf(side)]).join(" and ")}`;
    return Object.assign(row, { verdict: "not comparable", reason, failed: wrong.length === 1 && wrong[0] === sides[1] });
  }
  row.reason = differences || refusal(described, ...sides.map((side) => side.cases.get(described.index)));
  if (row.reason) return Object.assign(row, { verdict: "not comparable" });
  let beside = control?.cases.get(described.index);
  if (beside?.version !== old.version || beside.value === null) beside = null;
  if (described.isTimed) return timed(row, old, now, beside);
  const [verdict, noise] = judgeCount(old.value, now.value, beside && beside.value, described.unit);
  return Object.assign(row, { verdict, controlNoise: beside ? noise : null });
}

function notMeasured(row, both, names) {
  const failed = names.filter((_, place) => both[place]?.failed);
  const missing = names.filter((_, place) => !both[place]?.failed && (both[place]?.value ?? null) === null);
  const reasons = missing.length ? [`no result of ${missing.join(" and ")}`] : [];
  if (failed.length) reasons.push(`failed in ${failed.join(" and ")}`);
  const breaks = row.before !== null && both[1]?.failed;
  return Object.assign(row, { verdict: "not measured", reason: reasons.join("; "), failed: breaks });
}

function timed(row, old, now, beside) {
  row.verdict = "can't tell";
  const fewest = Math.min(old.samples.length, now.samples.length);
  if (!fewest) row.reason = row.case.unit === "microseconds" ? "one value per commit" : NO_SAMPLES;
  else if (fewest < FEWEST_SAMPLES) row.reason = TOO_FEW;
  else {
    const hasControl = beside?.samples.length >= FEWEST_SAMPLES && sameRun(old, beside);
    row.evidence = testSamples(old.samples, now.samples, hasControl ? beside.samples : []);
    row.controlNoise = hasControl ? row.evidence.controlNoise : null;
    row.ratio = row.evidence.ratio;
  }
  return row;
}

/** Return the sides at which the case that checks an answer failed, or found it wrong. */
function wrongSides(answer, sides) {
  if (answer?.unit !== WRONG) return [];
  return sides.filter(({ cases }) => cases.get(answer.index)?.failed || cases.get(answer.index)?.value);
}

/** Say why two measurements of a case are not of the same thing; empty where they are. */
function refusal(described, old, now) {
  if (old.version !== now.version) {
    return `version ${old.version.slice(0, 8)} of the benchmark against ${now.version.slice(0, 8)}`;
  }
  return described.isTimed && !sameRun(old, now) ? DIFFERENT_RUNS : "";
}

/** Return when a measurement's run began; 0 for all that was measured before RUNS_SINCE. */
function runOf({ began }) {
  return began >= RUNS_SINCE ? began : 0;
}

/** Return whether two measurements are of one run, so that their times may be compared. */
function sameRun(one, other) {
  const isNear = Math.abs(one.began - other.began) <= APART;
  return runOf(one) === runOf(other) && (isNear || !one.began || !other.began);
}

/** Mark the times that are not of the run with the most, the latest of equals. */
function markRuns(rows, head) {
  const timed = rows.filter((row) => row.case.isTimed && isMeasured(row));
  const of = (row) => runOf(head.cases.get(row.case.index));
  const runs = d3.rollups(timed, (each) => each.length, of);
  const shown = d3.greatest(runs, ([run, count], [other, most]) => count - most || run - other)?.[0];
  for (const row of rows) row.otherRun = timed.includes(row) && of(row) !== shown;
}

/** Judge the timed rows of one table, corrected for how many they are. */
function judge(rows) {
  const judged = rows.filter((row) => row.evidence && row.verdict !== "same code");
  const pValues = adjusted(judged.map((row) => row.evidence.pValue));
  judged.forEach((row, place) => {
    row.adjustedPValue = pValues[place];
    [row.verdict, row.reason] = judgeTime(row.evidence, row.adjustedPValue, judged.length, row.witness);
    row.detectable = detectable(row.evidence, judged.length);
  });
}

/** Add what was counted for the same work. */
function addCount(row, count) {
  if (count) Object.assign(row, { instructions: count.ratio, witness: count.verdict });
}

/** Return whether only one of time and instructions has changed, or both in opposite ways. */
function disagrees(row) {
  if (!row.witness || row.verdict === row.witness) return false;
  return hasMoved(row) || (row.verdict === "same" && hasMoved({ verdict: row.witness }));
}

function hasMoved(row) {
  return row.verdict === "faster" || row.verdict === "slower";
}

/** Return whether a pull request should not be merged with a row. */
function isRegression(row) {
  const counts = row.case.isTimed || row.case.unit === "instructions";
  return row.failed || (row.verdict === "slower" && counts);
}

/** Return whether both values of a row are known and comparable. */
function isMeasured(row) {
  return !UNKNOWN.includes(row.verdict);
}

/** Return the geometric means of before / after of times and of instructions; null without any. */
function meansOf(rows) {
  const judged = rows.filter((row) => isMeasured(row) && row.verdict !== "same code");
  const counts = judged.filter((row) => row.case.unit === "instructions");
  return {
    times: meanOfRatios(judged.filter((row) => row.evidence).map((row) => row.ratio)),
    instructions:
      meanOfRatios(counts.map((row) => row.ratio)) ??
      meanOfRatios(judged.map((row) => row.instructions)),
  };
}

function meanOfRatios(ratios) {
  const mean = d3.mean(ratios.filter(Boolean), Math.log);
  return mean === undefined ? null : Math.exp(mean);
}

/** Return the topics of the rows with a verdict and how many have it, most first. */
function topicsOf(rows, verdict) {
  const found = rows.filter((row) => row.verdict === verdict);
  const counts = d3.rollups(found, (each) => each.length, (row) => row.case.topic);
  return d3.sort(counts, ([, count]) => -count);
}

/** Return topics and the median change that their timed rows would have seen; the largest first. */
function wouldHaveMissed(rows) {
  const judged = rows.filter((row) => row.detectable !== undefined);
  const topics = d3.rollups(judged, (each) => d3.median(each, (row) => row.detectable), (row) => row.case.topic);
  return d3.sort(topics, ([, share]) => -share);
}

/** Return the share of 1 within which the control's ratio of 95% of the timed cases lies. */
function controlNoise(rows) {
  const known = rows.filter((row) => row.case.isTimed && row.controlNoise !== null);
  const noise = d3.sort(known.map((row) => row.controlNoise));
  return noise[Math.ceil(0.95 * noise.length) - 1] ?? null;
}

/** Return how far cases that run no code of metaflow seem to have changed; null if none did. */
function sameCodeNoise(rows) {
  const moved = rows
    .filter(({ verdict, evidence }) => verdict === "same code" && evidence)
    .filter(({ evidence }) => excludesOne(evidence));
  return d3.max(moved, ({ evidence }) => distanceFromOne(evidence.ratio)) ?? null;
}
