// The comparison of scripts/comparison.py, for any two commits that were measured.
"use strict";

const APART = 45 * 60;
const NO_SAMPLES = "no samples; measure with asv run --record-samples";

/**
 * Read the cases of the data: one object a benchmark and set of parameters.
 * `witness` and `answer` are the places of the cases that count its instructions, and digest its
 * answer; null where there are none.
 */
function readCases(data) {
  return data.cases.map(([place, parameters, size, witness, answer], index) => {
    const benchmark = data.benchmarks[place];
    const shown = parameters.map((each) => each.replace(/^'|'$/g, ""));
    const name = benchmark.name + (shown.length ? `(${shown.join(", ")})` : "");
    const topic = benchmark.name.split(".")[0];
    const { unit } = benchmark;
    const isTimed = unit === "seconds" || unit === "microseconds";
    return { index, benchmark, parameters, shown, name, topic, unit, isTimed, size, witness, answer };
  });
}

const sides = new Map();

/** Read what a machine measured of a commit in an environment; null where it measured nothing. */
function readSide(data, machine, commit, environment) {
  const measured = (data.results[machine] || {})[commit] || {};
  const name = environment || Object.keys(measured)[0];
  const key = `${machine} ${commit} ${name}`;
  if (!sides.has(key)) sides.set(key, measured[name] ? sideOf(measured[name]) : null);
  return sides.get(key);
}

function sideOf({ circumstances, benchmarks }) {
  const cases = new Map();
  for (const [version, began, measurements] of benchmarks) {
    for (const [index, value, samples] of measurements) {
      const seconds = (samples || []).map((each) => each / 1e6);
      const known = seconds.length ? median(seconds) : value === undefined ? null : value;
      cases.set(index, { value: known, samples: seconds, version, began, failed: value === null });
    }
  }
  return { circumstances, cases };
}

const comparisons = new Map();

/** Compare two commits by what a machine measured of them; rows in the order of their names. */
function compareCommits(data, machine, before, after) {
  const key = `${machine} ${before} ${after}`;
  if (!comparisons.has(key)) comparisons.set(key, compared(data, machine, before, after));
  return comparisons.get(key);
}

function compared(data, machine, before, after) {
  const environment = commonEnvironment(data, machine, before, after);
  const old = readSide(data, machine, before, environment);
  const now = readSide(data, machine, after, environment);
  const control = data.commits.find((each) => each.control_of === before);
  const same = control && environment ? readSide(data, machine, control.hash, environment) : null;
  const found = { old, now, same, names: [before, after].map((hash) => labelOf(data, hash)) };
  const differences = old && now ? differing(old.circumstances, now.circumstances) : "";
  const every = readCases(data);
  const rows = every
    .filter((each) => each.unit !== "digest")
    .filter((each) => [old, now].some((side) => side && side.cases.has(each.index)))
    .map((each) => rowOf(each, found, differences, every))
    .sort((one, other) => (one.case.name < other.case.name ? -1 : 1));
  judge(rows);
  addCounts(rows);
  return { before, after, control: same && control ? control.hash : null, rows };
}

function labelOf(data, hash) {
  const commit = data.commits.find((each) => each.hash === hash);
  return commit ? commit.label : hash.slice(0, 8);
}

function commonEnvironment(data, machine, before, after) {
  const [old, now] = [before, after].map((hash) => (data.results[machine] || {})[hash] || {});
  return Object.keys(old).find((name) => name in now);
}

function differing(before, after) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names
    .filter((name) => before[name] !== after[name])
    .map((name) => `${name} ${before[name] || "missing"} against ${after[name] || "missing"}`)
    .join(", ");
}

function rowOf(described, { old, now, same, names }, differences, every) {
  const row = { case: described, verdict: "not measured", reason: "", evidence: null, floor: null };
  const [was, is] = [old, now].map((side) => (side ? side.cases.get(described.index) : undefined));
  const known = [was, is].map((each) => Boolean(each) && each.value !== null);
  row.before = known[0] ? was.value : null;
  row.after = known[1] ? is.value : null;
  if (!known[0] || !known[1]) return Object.assign(row, whyNotMeasured([was, is], names, known));
  row.ratio = was.value ? is.value / was.value : null;
  const refused = differences || refusal(described, was, is, old, now, every);
  if (refused) return Object.assign(row, { verdict: "not comparable", reason: refused });
  let beside = same ? same.cases.get(described.index) : null;
  if (!beside || beside.value === null || beside.version !== was.version) beside = null;
  if (described.isTimed) return Object.assign(row, timed(described, was, is, beside));
  const [verdict, floor] = judgeCount(was.value, is.value, beside && beside.value, described.unit);
  return Object.assign(row, { verdict, floor: beside ? floor : null });
}

function whyNotMeasured(both, names, known) {
  const hasFailed = both.map((each) => Boolean(each) && each.failed);
  const failed = names.filter((_, place) => hasFailed[place]);
  const missing = names.filter((_, place) => !known[place] && !hasFailed[place]);
  const reasons = missing.length ? [`no result of ${missing.join(" and ")}`] : [];
  if (failed.length) reasons.push(`failed in ${failed.join(" and ")}`);
  return { reason: reasons.join("; "), failed: known[0] && hasFailed[1] };
}

function timed(described, was, is, beside) {
  const verdict = "can't tell";
  if (!was.samples.length || !is.samples.length) {
    const once = described.unit === "microseconds";
    return { verdict, reason: once ? "one value a commit" : NO_SAMPLES };
  }
  if (Math.min(was.samples.length, is.samples.length) < FEWEST_SAMPLES) {
    return { verdict, reason: TOO_FEW };
  }
  const isKnown = beside && beside.samples.length >= FEWEST_SAMPLES && !isApart(was, beside);
  const evidence = weigh(was.samples, is.samples, isKnown ? beside.samples : []);
  return { verdict, evidence, ratio: evidence.ratio, floor: isKnown ? evidence.floor : null };
}

function refusal(described, was, is, old, now, every) {
  if (was.version !== is.version) {
    return `version ${was.version.slice(0, 8)} of the benchmark against ${is.version.slice(0, 8)}`;
  }
  const [said, says] = [old, now].map((side) => side.cases.get(described.answer));
  if (said && says && said.version === says.version && said.value !== null) {
    const answer = every[described.answer].name;
    if (says.failed) return `its answer could not be checked (${answer} failed)`;
    if (says.value !== null && said.value !== says.value) return `its answer differs (${answer})`;
  }
  if (described.isTimed && isApart(was, is)) {
    const hours = Math.abs(was.began - is.began) / 3600;
    return `measured ${hours.toFixed(1)} hours apart; measure both in one run: make compare`;
  }
  return "";
}

function isApart(one, other) {
  return Boolean(one.began && other.began && Math.abs(one.began - other.began) > APART);
}

function judge(rows) {
  const timed = rows.filter((row) => row.evidence);
  const chances = adjusted(timed.map((row) => row.evidence.probability));
  timed.forEach((row, place) => {
    row.chance = chances[place];
    [row.verdict, row.reason] = judgeTime(row.evidence, row.chance, timed.length);
    row.detectable = detectable(row.evidence, timed.length);
  });
}

function addCounts(rows) {
  const byIndex = new Map(rows.map((row) => [row.case.index, row]));
  for (const row of rows) {
    const count = row.case.witness === null ? null : byIndex.get(row.case.witness);
    if (!count || !isMeasured(count)) continue;
    row.instructions = count.ratio;
    row.witness = count.verdict;
    const moved = isNews(row) || (row.verdict === "same" && isNews(count));
    row.disagree = moved && row.verdict !== row.witness;
  }
}

function isNews(row) {
  return row.verdict === "faster" || row.verdict === "slower";
}

/** Return whether something can be said of a row, if only that more rounds are needed. */
function isMeasured(row) {
  return row.verdict !== "not measured" && row.verdict !== "not comparable";
}

/** Return whether a pull request should not be merged with a row. */
function isRegression(row) {
  const slower = row.verdict === "slower" && (row.case.isTimed || row.case.unit === "instructions");
  return Boolean(row.failed) || slower;
}

/** Return the geometric mean of the ratios of some rows; null without any. */
function geometricMean(rows) {
  const logarithms = rows.filter((row) => row.ratio).map((row) => Math.log(row.ratio));
  if (!logarithms.length) return null;
  return Math.exp(logarithms.reduce((sum, each) => sum + each, 0) / logarithms.length);
}

/** Return within which share of 1 the control's ratio of 95 of 100 timed cases lies. */
function noiseFloor(rows) {
  const floors = rows.filter((row) => row.case.isTimed && row.floor !== null).map((row) => row.floor);
  floors.sort((one, other) => one - other);
  return floors.length ? floors[Math.ceil(0.95 * floors.length) - 1] : null;
}
