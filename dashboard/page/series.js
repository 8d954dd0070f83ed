// The waterfall of the series: what each optimisation did to one case.
"use strict";

/** Draw the waterfall of a case; the commits of the series are loaded first. */
async function drawSeriesView(choice, isCurrent) {
  await load("commits", "cases");
  const machine = choice.machine || data.default.machine;
  const commits = [data.series.base, ...data.series.commits];
  await loadResults(machine, commits);
  if (!isCurrent()) return;
  const cases = seriesCases(machine, commits);
  const named = (name) => cases.find((each) => each.name === name);
  const described = choice.case ? named(choice.case) : named(data.default.case) || cases[0];
  byId("series-case").replaceChildren(...d3.sort(cases, humanName).map((each) =>
    element("option", { value: each.name, selected: each === described }, `${humanName(each)} (${each.topic})`)));
  if (!described) {
    byId("series-text").textContent = cases.length
      ? `${choice.case} was measured at fewer than two commits of the series on ${machine}: choose another case.`
      : `Fewer than two commits of the series were measured on ${machine || "any machine"}, or this page does not hold them.`;
    return byId("series").replaceChildren();
  }
  const steps = stepsOf(data, machine, described.index);
  byId("series").replaceChildren(seriesTable(data, machine, described, steps));
  byId("series-text").textContent = seriesText(data, machine, described, steps);
}

/** Return the cases that several commits of the series have, not only its ends. */
function seriesCases(machine, commits) {
  const counts = new Map();
  for (const hash of commits) {
    for (const [index, { value }] of readSide(data, machine, hash)?.cases || []) {
      if (value !== null) counts.set(index, (counts.get(index) || 0) + 1);
    }
  }
  return readCases(data).filter((each) => each.topic !== ANSWERS && counts.get(each.index) > 1);
}

/**
 * Return how the commits of the series changed one case: rows that are judged as one table. Commits
 * without a result of their own are one step with the next that has one; their effects can't be
 * separated.
 */
function stepsOf(data, machine, index) {
  const commits = [data.series.base, ...data.series.commits];
  const measured = d3.range(commits.length).filter(
    (place) => (readSide(data, machine, commits[place])?.cases.get(index)?.value ?? null) !== null,
  );
  const steps = d3.pairs(measured, (below, place) => {
    const names = commits.slice(below + 1, place + 1).map((hash) => nameOf(data, hash));
    const name = names.length > 1 ? `${names.length} commits, not measured one by one` : names[0];
    return { ...stepOf(data, machine, index, commits[below], commits[place]), hash: commits[place], names, name };
  });
  judge(steps);
  for (const step of steps) step.disagree = disagrees(step);
  return steps;
}

function stepOf(data, machine, index, base, head) {
  return compareCommits(data, machine, base, head, true).find((row) => row.case.index === index);
}

/** Return the names of the commits above the last step, which have no result of its case. */
function unmeasuredAfter(data, steps) {
  const { commits } = data.series;
  return commits.slice(commits.indexOf(steps.at(-1)?.hash) + 1).map((hash) => nameOf(data, hash));
}

/** Return a table with a bar for each step, from the value before to that after, and their total. */
function seriesTable(data, machine, described, steps) {
  const header = ["optimisation", "before → after", "before / after", "change"].map((each) => element("th", { scope: "col" }, each));
  const most = d3.max(steps, (step) => Math.max(step.before, step.after));
  const total = steps.length > 1 ? [{ ...wholeOf(data, machine, described, steps), name: "all together", names: [] }] : [];
  const rest = unmeasuredAfter(data, steps);
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...header)),
    element("tbody", {}, ...[...steps, ...total].map((step) => stepRow(step, described, most)),
      ...(rest.length > 3 ? [`${rest.length} commits`] : rest).map((each) =>
        element("tr", {}, element("th", { scope: "row", class: "case" }, each), element("td", { colspan: 3 }, "not measured")))));
  return element("div", { class: "scroll", role: "group", tabindex: "0", "aria-label": "table" }, table);
}

function wholeOf(data, machine, described, steps) {
  return stepOf(data, machine, described.index, data.series.base, steps.at(-1).hash);
}

function stepRow(step, described, most) {
  const patch = data.patches[step.name];
  const name = patch ? element("a", { href: `patches/${patch}` }, step.name) : step.name;
  const values = [step.before, step.after].map((each) => valueText(each, described.unit)).join(" → ");
  const [low, high] = [Math.min(step.before, step.after), Math.max(step.before, step.after)].map((each) => (100 * each) / most);
  const bar = element("span", { class: "bar", "aria-hidden": "true" }, element("i", { style: `left:${low}%;width:${high - low}%` }));
  return element("tr", { "data-verdict": step.verdict, title: step.names.join(", ") },
    element("th", { scope: "row", class: "case" }, name),
    element("td", { class: "number" }, values),
    element("td", { class: "ratio" }, ratioAndInterval(step), element("small", {}, verdictLine(step))),
    element("td", { class: "bar-cell" }, bar));
}

/** Say how the steps of a case multiply, and how that compares with the whole series. */
function seriesText(data, machine, described, steps) {
  if (!steps.length) return "";
  const product = steps.reduce((all, step) => all * step.ratio, 1);
  const whole = wholeOf(data, machine, described, steps);
  const notes = [`Measured on ${machine}. The product of all steps is ${digits(product)}; main compared directly with the last measured commit gives ${ratioAndInterval(whole)}.`];
  const apart = steps.filter((step) => step.verdict === "not comparable").length;
  if (apart) notes.push(`${apart} of ${steps.length} steps can't be compared, mostly because the two commits were measured in different runs.`);
  if (steps[0].name === "control") notes.push("The first row is the control, an empty change: what it shows is noise.");
  return [...notes, togetherText(data, machine, described, steps)].join(" ").trim();
}

/** Say what is known of steps over several commits: where each was counted, which changed that. */
function togetherText(data, machine, described, steps) {
  const together = steps.flatMap(({ names }) => (names.length > 1 ? names : []));
  if (!together.length) return "";
  const said = "A row of several commits shows what they did together.";
  const counts = described.witness === null ? [] : stepsOf(data, machine, described.witness);
  const single = counts.filter(({ names, name }) => names.length === 1 && together.includes(name));
  if (single.length < together.length) return said;
  const moved = single.filter(hasMoved).map((step) => `${step.name} (${timesText(step)})`);
  return moved.length
    ? `${said} By their instruction counts, these commits changed it: ${moved.join(", ")}.`
    : `${said} None of them changed the instructions.`;
}
