// What a comparison says at a glance: a headline, four cards, and in a line each, where, costs and
// trust. The words of mfbench/report/glance.py; a test holds both equal.
"use strict";

const MOST_CARDS = 4;
const MOST_SAID = 5;
const MOST_COSTS = 4;
const MOST_MEANS = 6;
const LEAST_MEAN = 0.05;

/** Return the rows that people wait for most, with their labels: those that moved before others. */
function cardsOf(rows, highlights) {
  const known = highlights.map(({ label, cases }) => {
    const found = rowsOf(rows, cases).filter((row) => isMeasured(row) && row.ratio);
    return { label, row: found.find(hasMoved) || found[0] };
  }).filter(({ row }) => row);
  return d3.sort(known, ({ row }) => (hasMoved(row) ? 0 : 1)).slice(0, MOST_CARDS);
}

function rowsOf(rows, names) {
  return names.flatMap((name) => rows.find((row) => row.case.name === name) || []);
}

/** Say how the first cases that people wait for have changed. */
function headline(rows, highlights) {
  const said = highlights.flatMap(({ label, cases }) => {
    const row = rowsOf(rows, cases).find((each) => hasMoved(each) && each.ratio);
    return row ? [`${label} ${timesAndUnit(row)}`] : [];
  });
  return said.slice(0, MOST_SAID).join(", ") || "no case that people wait for has changed";
}

/** Return the ratio as people say it, with what is counted: 2.5× fewer instructions. */
function timesAndUnit(row) {
  return row.case.isTimed ? timesText(row) : `${timesText(row)} ${row.case.unit}`;
}

/** Say which topics changed most: the geometric mean of times, or of counts without any. */
function whereText(rows) {
  const means = d3.rollups(rows, meansOf, (row) => row.case.topic)
    .map(([topic, { times, instructions }]) => [topic, times ?? instructions])
    .filter(([, ratio]) => ratio && Math.abs(ratio - 1) > LEAST_MEAN);
  const told = d3.sort(means, ([, ratio]) => -Math.abs(Math.log(ratio))).slice(0, MOST_MEANS)
    .map(([topic, ratio]) => `${topic} ${Number(ratio.toPrecision(3))}×`).join(", ");
  return told ? `mean of before / after: ${told}` : "no topic changed by more than 5%";
}

/** Return how much more something takes: +8%, or 2.5× from twice as much on. */
function costText(times) {
  if (times === Infinity) return "from 0";
  if (times >= 2) return `${Number(times.toPrecision(3))}×`;
  const percent = 100 * (times - 1);
  return `+${percent < 10 ? percent.toFixed(1) : percent.toFixed(0)}%`;
}

/** Say which cases got slower, larger or more, or fail, the worst first. */
function costsText(rows) {
  const failed = rows.filter((row) => row.failed).map((row) => `${row.case.topic}: ${humanName(row.case)} fails`);
  const slower = rows.filter((row) => row.verdict === "slower" && !row.failed);
  const groups = d3.groups(slower, (row) => row.case.benchmark.name).map(([, members]) => {
    const times = d3.sort(members.map((row) => (row.ratio ? 1 / row.ratio : Infinity)));
    const most = times.at(-1);
    if (members.length === 1) return [most, `${members[0].case.topic}: ${humanName(members[0].case)} ${costText(most)}`];
    const range = costText(times[0]) === costText(most) ? costText(most) : `${costText(times[0])} to ${costText(most)}`;
    return [most, `${members[0].case.topic}: ${benchmarkWords(members[0].case)} ${range} in ${members.length} cases`];
  });
  const said = [...failed, ...d3.sort(groups, ([most]) => -most).map(([, text]) => text)];
  if (!said.length) return "none seen";
  const more = said.length - MOST_COSTS;
  return said.slice(0, MOST_COSTS).join("; ") + (more > 0 ? `; and ${more} more` : "");
}

/** Say how far the numbers can be trusted. `itself` are the rows of base against its own control. */
function trustText(rows, itself) {
  const said = [];
  const judged = itself.filter((row) => row.evidence && row.verdict !== "same code");
  if (judged.length) {
    said.push(`the control, identical code, was called faster or slower in ${judged.filter(hasMoved).length} of ${judged.length} timed cases`);
  } else said.push("no control was measured");
  const noise = d3.median(rows.filter((row) => row.case.isTimed && row.controlNoise !== null), (row) => row.controlNoise);
  if (noise !== undefined) said.push(`median noise ±${(100 * noise).toFixed(1)}%`);
  const missed = d3.median(rows.filter((row) => row.detectable !== undefined), (row) => row.detectable);
  if (missed !== undefined) said.push(`a typical timed case would have missed slow-downs below ${(100 * missed).toFixed(0)}%`);
  return said.join("; ");
}

/** Say how many cases are faster, slower, and a regression. */
function verdictSentence(rows) {
  if (!rows.some(isMeasured)) return "No case of these two commits can be compared";
  const count = (verdict) => rows.filter((row) => row.verdict === verdict).length;
  return `cases that are faster or need less: ${count("faster")}; that are slower or need more: ${count("slower")}; ` +
    `regressions (slower, more instructions, or failing): ${rows.filter(isRegression).length}`;
}
