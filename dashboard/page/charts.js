// The charts of ratios, of the series, and of history, by Observable Plot.
"use strict";

/** Return the colour of a verdict, as the style sheet has it for light and for dark. */
function colourOf(verdict) {
  return `var(--${verdict === "faster" || verdict === "slower" ? verdict : "neutral"})`;
}

function widthOf(figure) {
  return Math.max(280, Math.min(1200, figure.clientWidth || 900));
}

/** Put a chart into a figure, above its caption; or a text, where there is nothing to draw. */
function showIn(figure, chart) {
  const drawn = typeof chart === "string" ? element("p", { class: "note" }, chart) : chart;
  // Plot labels its groups, but an element without a role must not have a label.
  for (const group of drawn.querySelectorAll("g[aria-label]:not([role])")) {
    group.removeAttribute("aria-label");
  }
  const caption = figure.querySelector("figcaption");
  figure.replaceChildren(drawn, ...(caption ? [caption] : []));
}

/** Return the left margin that names need, in pixels. */
function marginFor(width, names) {
  const longest = d3.max(names, (name) => name.length);
  return Math.min(CHARACTER * longest + 10, (width < 500 ? 0.36 : 0.5) * width);
}
const CHARACTER = 6.2;

function shortened(name, width) {
  const room = Math.floor(width / CHARACTER);
  if (room < 3) return "";
  return name.length > room ? `${name.slice(0, room - 1)}…` : name;
}

/** Draw each timed case as a dot with its interval, on a log axis, over the control's noise. */
function drawRatios(figure, shown, noise) {
  const rows = d3.sort(shown.filter((row) => row.evidence), (row) => row.ratio);
  if (!rows.length) return showIn(figure, "No timed case in the table above has an interval.");
  const width = widthOf(figure);
  const names = rows.map((row) => row.case.name);
  const marginLeft = marginFor(width, names);
  const band = noise === null ? [] : [{ x1: 1 / (1 + noise), x2: 1 + noise }];
  showIn(figure, Plot.plot({
    width,
    marginLeft,
    marginRight: 16,
    height: 15 * rows.length + 60,
    ariaLabel: "before / after of each case with its 95% interval",
    x: { type: "log", label: "before / after: faster →", grid: true, axis: "both", ticks: width < 500 ? 4 : 8, tickFormat: (x) => String(Number(digits(x))) },
    y: { domain: names, label: null, tickFormat: (name) => shortened(name, marginLeft), tickSize: 0 },
    marks: [
      Plot.rect(band, { x1: "x1", x2: "x2", fill: "var(--band)" }),
      Plot.ruleX([1], { stroke: "var(--text)" }),
      Plot.ruleY(rows, {
        y: (row) => row.case.name,
        x1: (row) => row.evidence.low,
        x2: (row) => row.evidence.high,
        stroke: (row) => colourOf(row.verdict),
        strokeWidth: 2,
      }),
      Plot.dot(rows, {
        x: "ratio",
        y: (row) => row.case.name,
        fill: (row) => colourOf(row.verdict),
        symbol: (row) => (row.verdict === "slower" ? "triangle" : row.verdict === "faster" ? "circle" : "square"),
        r: 4,
        title: (row) => `${row.case.name}\n${ratioAndInterval(row)}\n${verdictText(row)}`,
        tip: true,
      }),
    ],
  }));
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

function nameOf(data, hash) {
  return data.commits.find((each) => each.hash === hash).name;
}

/** Return the names of the commits above the last step, which have no result of its case. */
function unmeasuredAfter(data, steps) {
  const { commits } = data.series;
  return commits.slice(commits.indexOf(steps.at(-1).hash) + 1).map((hash) => nameOf(data, hash));
}

function stepOf(data, machine, index, base, head) {
  return compareCommits(data, machine, base, head, true).find((row) => row.case.index === index);
}

/** Draw how each commit of the series changed a case: a bar from the value before to that after. */
function drawSeries(figure, data, described, steps) {
  if (!steps.length) return showIn(figure, "Fewer than two commits of the series have a result for this case.");
  const width = widthOf(figure);
  const narrow = width < 500;
  const names = new Map(steps.map((step) => [step.hash, step.name]));
  const rest = unmeasuredAfter(data, steps);
  for (const each of rest.length > 3 ? [`${rest.length} commits`] : rest) names.set(each, `${each}, not measured`);
  const marginLeft = marginFor(width, names.values());
  const value = (number) => valueText(number, described.unit);
  const text = (step) => {
    const ratio = countRatioText(step.ratio);
    return step.evidence && !narrow ? `${ratio} (${intervalText(step)})` : ratio;
  };
  showIn(figure, Plot.plot({
    width,
    marginLeft,
    marginRight: narrow ? 48 : 110,
    height: 22 * names.size + 60,
    ariaLabel: `how each commit of the series changed ${described.name}`,
    x: { label: `${described.name} →`, grid: true, tickFormat: value, ticks: narrow ? 3 : 6, zero: true },
    y: { domain: [...names.keys()], label: null, tickFormat: (hash) => shortened(names.get(hash), marginLeft) },
    marks: [
      Plot.barX(steps, {
        x1: (step) => Math.min(step.before, step.after),
        x2: (step) => Math.max(step.before, step.after),
        y: "hash",
        fill: (step) => colourOf(step.verdict),
        fillOpacity: (step) => (step.verdict === "not comparable" ? 0.4 : 1),
        title: (step) => [step.names.join(", "), `${value(step.before)} → ${value(step.after)}`, verdictLine(step)].join("\n"),
        tip: true,
      }),
      Plot.tickX(steps, { x: "after", y: "hash", stroke: "var(--text)" }),
      Plot.text(steps, { x: (step) => Math.max(step.before, step.after), y: "hash", text, textAnchor: "start", dx: 6, fill: "var(--text)" }),
      Plot.ruleX([0]),
    ],
  }));
}

/** Say how the steps of a case multiply, and how that compares with the whole series. */
function seriesText(data, machine, described, steps) {
  if (!steps.length) return "";
  const product = steps.reduce((all, step) => all * step.ratio, 1);
  const whole = stepOf(data, machine, described.index, data.series.base, steps.at(-1).hash);
  const notes = ["Each number is before / after: above 1 is faster, or less.",
    `The product of all steps is ${digits(product)}; main compared directly with the last measured commit gives ${ratioAndInterval(whole)}.`];
  const apart = steps.filter((step) => step.verdict === "not comparable").length;
  if (apart) notes.push(`Pale bars: ${apart} of ${steps.length} steps can't be compared, mostly because the two commits were measured in different runs.`);
  if (steps[0].name === "control") notes.push("The first bar is the control, an empty change: what it shows is noise.");
  return [...notes, togetherText(data, machine, described, steps)].join(" ").trim();
}

/** Say what is known of steps over several commits: where each was counted, which changed that. */
function togetherText(data, machine, described, steps) {
  const together = steps.flatMap(({ names }) => (names.length > 1 ? names : []));
  if (!together.length) return "";
  const said = "A bar of several commits shows what they did together.";
  const counts = described.witness === null ? [] : stepsOf(data, machine, described.witness);
  const single = counts.filter(({ names, name }) => names.length === 1 && together.includes(name));
  if (single.length < together.length) return said;
  const moved = single.filter(hasMoved).map((step) => `${step.name} (${timesText(step)})`);
  return moved.length
    ? `${said} By their instruction counts, these commits changed it: ${moved.join(", ")}.`
    : `${said} None of them changed the instructions.`;
}

/** Draw a case over the releases, with quartiles; `onChoose` gets the release that a person clicks. */
function drawHistory(figure, data, machine, described, onChoose) {
  const found = data.commits
    .filter((commit) => commit.role === "release")
    .map((commit) => ({ ...commit, ...readSide(data, machine, commit.hash)?.cases.get(described?.index) }))
    .filter(({ value }) => (value ?? null) !== null)
    .map((each) => ({ ...each, low: d3.quantile(each.samples, 0.25), high: d3.quantile(each.samples, 0.75) }));
  if (found.length < 2) return showIn(figure, "This machine measured this case at fewer than two releases.");
  const width = widthOf(figure);
  const steps = found.filter((each) => data.steps[machine][described.index]?.includes(each.hash));
  const since = new Map(d3.pairs(found, (before, each) => [each, before.label]));
  const every = Math.ceil(found.length / (width / 55));
  const chart = Plot.plot({
    width,
    height: 320,
    marginLeft: 70,
    marginBottom: 50,
    ariaLabel: `${described.name} over metaflow's releases`,
    x: { type: "point", domain: found.map((each) => each.label), label: "release", tickRotate: -40,
      tickFormat: (label) => (found.findIndex((each) => each.label === label) % every ? "" : label) },
    y: { label: `↑ ${described.unit === "seconds" ? "time" : described.unit}`, zero: true, nice: true, grid: true, tickFormat: (y) => valueText(y, described.unit) },
    marks: [
      Plot.ruleX(steps, { x: "label", stroke: "var(--slower)", strokeDasharray: "4 3" }),
      Plot.ruleX(found, { x: "label", y1: "low", y2: "high", stroke: "var(--neutral)" }),
      Plot.line(found, { x: "label", y: "value", stroke: "var(--faster)", curve: "step-after" }),
      Plot.dot(found, { x: "label", y: "value", fill: "var(--faster)", r: 4 }),
      Plot.tip(found, Plot.pointerX({ maxRadius: Infinity, x: "label", y: "value",
        title: (each) => `${each.label}\n${valueText(each.value, described.unit)}${steps.includes(each) ? `\nasv sees a lasting change since ${since.get(each)}` : ""}\nclick to choose` })),
    ],
  });
  chart.addEventListener("click", () => chart.value && onChoose(chart.value.hash));
  chart.style.cursor = "pointer";
  showIn(figure, chart);
}
