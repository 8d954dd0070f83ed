// The comparison of mfbench/verdict/comparison.py and rows.py, for any two measured commits.
"use strict";

const APART = 45 * 60;
const NO_SAMPLES = "no samples; measure with asv run --record-samples";

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
  return once(`${machine} ${commit} ${name}`, () => (measured[name] ? sideOf(measured[name]) : null));
}

function sideOf({ circumstances, benchmarks }) {
  const cases = new Map();
  for (const [version, began, measurements] of benchmarks) {
    for (const [index, stored, microseconds] of measurements) {
      const samples = (microseconds || []).map((each) => each / 1e6);
      const value = samples.length ? d3.median(samples) : stored ?? null;
      cases.set(index, { value, samples, version, began, failed: stored === null });
    }
  }
  return { circumstances, cases };
}

/** Compare two commits by what a machine measured; return rows in the order of their names. */
function compareCommits(data, machine, base, head) {
  return once(`${machine} ${base}..${head}`, () => compared(data, machine, base, head));
}

function compared(data, machine, base, head) {
  const [first, second] = [base, head].map((hash) => data.results[machine]?.[hash] || {});
  const environment = Object.keys(first).find((name) => name in second);
  const sides = [base, head].map((hash) => readSide(data, machine, hash, environment));
  const controlOfBase = data.commits.find((each) => each.control_of === base);
  const control = controlOfBase && environment && readSide(data, machine, controlOfBase.hash, environment);
  const names = [base, head].map((hash) => labelOf(data, hash));
  const differences = sides[0] && sides[1] ? differing(...sides.map((side) => side.circumstances)) : "";
  const cases = readCases(data);
  const measured = cases
    .filter((each) => each.unit !== "digest" && sides.some((side) => side?.cases.has(each.index)));
  const rows = d3.sort(measured, (each) => each.name)
    .map((each) => rowOf(each, { sides, control, names, differences, cases }));
  // Copied before "same code" replaces a verdict: a count is evidence even of that.
  const counts = new Map(rows.filter(isMeasured).map((row) => [row.case.index, { ...row }]));
  for (const row of rows.filter(isMeasured)) {
    if (!row.case.benchmark.runs_metaflow) Object.assign(row, { verdict: "same code", reason: "" });
  }
  judge(rows);
  for (const row of rows) addCount(row, counts.get(row.case.witness));
  return rows;
}

function labelOf(data, hash) {
  return data.commits.find((each) => each.hash === hash).label;
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
  row.reason = differences || refusal(described, sides, cases);
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
    const hasControl = beside?.samples.length >= FEWEST_SAMPLES && !isApart(old, beside);
    row.evidence = testSamples(old.samples, now.samples, hasControl ? beside.samples : []);
    row.controlNoise = hasControl ? row.evidence.controlNoise : null;
    row.ratio = row.evidence.ratio;
  }
  return row;
}

/** Say why two measurements of a case are not of the same thing; empty where they are. */
function refusal(described, sides, cases) {
  const [old, now] = sides.map((side) => side.cases.get(described.index));
  if (old.version !== now.version) {
    return `version ${old.version.slice(0, 8)} of the benchmark against ${now.version.slice(0, 8)}`;
  }
  const [said, says] = sides.map((side) => side.cases.get(described.answer));
  if (said && says && said.version === says.version && said.value !== null) {
    const answer = cases[described.answer].name;
    if (says.failed) return `its answer could not be checked (${answer} failed)`;
    if (says.value !== null && said.value !== says.value) return `its answer differs (${answer})`;
  }
  if (!described.isTimed || !isApart(old, now)) return "";
  const hours = Math.abs(old.began - now.began) / 3600;
  return `measured ${hours.toFixed(1)} hours apart; measure both in one run: mfbench run BASE HEAD`;
}

function isApart(one, other) {
  return Boolean(one.began && other.began && Math.abs(one.began - other.began) > APART);
}

/** Judge the timed rows of one table, corrected for how many they are. */
function judge(rows) {
  const judged = rows.filter((row) => row.evidence && row.verdict !== "same code");
  const pValues = adjusted(judged.map((row) => row.evidence.pValue));
  judged.forEach((row, place) => {
    row.adjustedPValue = pValues[place];
    [row.verdict, row.reason] = judgeTime(row.evidence, row.adjustedPValue, judged.length);
    row.detectable = detectable(row.evidence, judged.length);
  });
}

/** Add what was counted for the same work, and whether time and count disagree. */
function addCount(row, count) {
  if (!count) return;
  row.instructions = count.ratio;
  row.witness = count.verdict;
  const moved = hasMoved(row) || (row.verdict === "same" && hasMoved(count));
  row.disagree = moved && row.verdict !== row.witness;
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
  return row.verdict !== "not measured" && row.verdict !== "not comparable";
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
    .filter(({ evidence }) => evidence.low > 1 || evidence.high < 1);
  return d3.max(moved, ({ evidence }) => distanceFromOne(evidence.ratio)) ?? null;
}
