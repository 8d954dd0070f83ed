// What a comparison says at a glance: four cards, and a line on costs, trust and coverage each.
// The words of mfbench/report/glance.py; a test holds both equal.
"use strict";

const MOST_CARDS = 4;
const MOST_COSTS = 4;
const MOST_MEANS = 6;
const LEAST_MEAN = 0.05;

/** Return the rows that people wait for most, with their labels: those that moved before others. */
function cardsOf(rows, highlights) {
  const found = highlights.map(({ label, cases }) => {
    const known = cases.map((name) => rows.find((row) => row.case.name === name)).filter((row) => row && isMeasured(row) && row.ratio);
    return { label, row: known.find(hasMoved) || known[0] };
  });
  const known = found.filter(({ row }) => row);
  return [...known.filter(({ row }) => hasMoved(row)), ...known.filter(({ row }) => !hasMoved(row))].slice(0, MOST_CARDS);
}

/** Say how the cases that people know have changed. */
function headline(rows, highlights) {
  const said = [];
  for (const { label, cases } of highlights) {
    const found = cases.map((name) => rows.find((row) => row.case.name === name));
    const row = found.find((each) => each && hasMoved(each) && each.ratio);
    const counted = row?.case.unit === "instructions" ? " instructions" : "";
    if (row) said.push(`${label} ${timesText(row)}${counted}`);
  }
  return said.join(", ") || "no case that people wait for has changed";
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
function moreText(times) {
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

function costText(times) {
  return times === Infinity ? "from 0" : moreText(times);
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
