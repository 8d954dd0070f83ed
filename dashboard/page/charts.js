// The charts of ratios, of the series, and of history, by Observable Plot.
"use strict";

/** Return the colours that the style sheet gives to verdicts, in light and in dark. */
function colourOf(verdict) {
  const name = { faster: "--faster", slower: "--slower" }[verdict] || "--neutral";
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function widthOf(figure) {
  return Math.max(280, Math.min(1200, figure.clientWidth || 900));
}

/** Put a chart into a figure, above its caption; text where there is nothing to draw. */
function showIn(figure, chart) {
  const caption = figure.querySelector("figcaption");
  const drawn = typeof chart === "string" ? element("p", { class: "note" }, chart) : chart;
  // Plot names its groups, which have no role that a name could belong to.
  for (const group of drawn.querySelectorAll("g[aria-label]:not([role])")) {
    group.removeAttribute("aria-label");
  }
  figure.replaceChildren(drawn);
  if (caption) figure.append(caption);
}

function marginFor(width, names) {
  const longest = Math.max(0, ...names.map((name) => name.length));
  return Math.min(6.2 * longest + 10, (width < 500 ? 0.36 : 0.5) * width);
}

function shortened(name, margin) {
  const room = Math.floor(margin / 6.2);
  return name.length > room ? `${name.slice(0, room - 1)}…` : name;
}

/** Draw each timed case as a dot with its interval, on a log axis, over the noise floor's band. */
function drawRatios(figure, comparison, choice) {
  const rows = groupedRows(comparison.rows, { ...choice, sort: "ratio", descending: false })
    .flatMap(([, each]) => each)
    .filter((row) => row.evidence)
    .sort((one, other) => one.ratio - other.ratio);
  if (!rows.length) return showIn(figure, "No timed case that is shown above has an interval.");
  const width = widthOf(figure);
  const names = rows.map((row) => row.case.name);
  const marginLeft = marginFor(width, names);
  const floor = noiseFloor(comparison.rows);
  const band = floor === null ? [] : [{ x1: 1 / (1 + floor), x2: 1 + floor }];
  showIn(figure, Plot.plot({
    width,
    marginLeft,
    marginRight: 16,
    height: 15 * rows.length + 60,
    ariaLabel: "after / before of each case with its 95% interval",
    x: { type: "log", label: "after / before →", grid: true, axis: "both", ticks: width < 500 ? 4 : 8, tickFormat: (x) => String(Number(digits(x))) },
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
        title: (row) => `${row.case.name}\n${ratioText(row)} (${intervalText(row)})\n${verdictText(row)}`,
        tip: true,
      }),
    ],
  }));
}

/**
 * Return the steps from the release through the series, for one case.
 * A commit without a result is part of the next step that has one.
 */
function stepsOf(data, machine, index) {
  const commits = [data.series.base, ...data.series.commits];
  const measured = commits
    .map((hash) => [hash, readSide(data, machine, hash)])
    .map(([hash, side]) => [hash, side && side.cases.get(index)])
    .filter(([, found]) => found && found.value !== null);
  return measured.slice(1).map(([hash, found], place) => {
    const [from, earlier] = measured[place];
    const commit = data.commits.find((each) => each.hash === hash);
    const together = found.samples.length >= FEWEST_SAMPLES && earlier.samples.length >= FEWEST_SAMPLES
      && !isApart(found, earlier);
    return {
      from,
      hash,
      name: commit.name,
      before: earlier.value,
      after: found.value,
      ratio: found.value / earlier.value,
      interval: together ? ratioInterval(found.samples, earlier.samples) : null,
      isTimed: found.samples.length > 0,
      isApart: found.samples.length > 0 && !together,
    };
  });
}

/** Return what a step may be coloured by: a table of its own would be needed for a verdict. */
function verdictOfStep(step, described) {
  if (!step.isTimed) return judgeCount(step.before, step.after, null, described.unit)[0];
  const beyond = step.interval && (step.interval.low > 1 || step.interval.high < 1);
  if (!beyond || Math.abs(Math.log(step.ratio)) <= Math.log1p(TIME_THRESHOLD)) return "same";
  return step.ratio < 1 ? "faster" : "slower";
}

/** Draw how each commit of the series moved a case: a bar from the value before to that after. */
function drawSeries(figure, data, machine, described) {
  const steps = described ? stepsOf(data, machine, described.index) : [];
  if (!steps.length) return showIn(figure, "This case was not measured of two commits of the series.");
  const width = widthOf(figure);
  const names = steps.map((step) => step.name);
  const marginLeft = marginFor(width, names);
  const text = (step) => `${digits(step.ratio)}×${step.interval && width >= 500 ? ` (${digits(step.interval.low)}–${digits(step.interval.high)})` : ""}`;
  const colour = (step) => colourOf(verdictOfStep(step, described));
  const narrow = width < 500;
  showIn(figure, Plot.plot({
    width,
    marginLeft,
    marginRight: narrow ? 48 : 110,
    height: 22 * steps.length + 60,
    ariaLabel: `how each commit of the series moved ${described.name}`,
    x: { label: `${described.name} →`, grid: true, tickFormat: (x) => valueText(x, described.unit), ticks: width < 500 ? 3 : 6, zero: true },
    y: { domain: names, label: null, tickFormat: (name) => shortened(name, marginLeft) },
    marks: [
      Plot.barX(steps, {
        x1: (step) => Math.min(step.before, step.after),
        x2: (step) => Math.max(step.before, step.after),
        y: "name",
        fill: colour,
        fillOpacity: (step) => (step.isApart ? 0.4 : 1),
        title: (step) => `${step.name}\n${valueText(step.before, described.unit)} → ${valueText(step.after, described.unit)}\n${text(step)}${step.isApart ? "\nmeasured in other runs: no verdict" : ""}`,
        tip: true,
      }),
      Plot.tickX(steps, { x: "after", y: "name", stroke: "var(--text)" }),
      Plot.text(steps, { x: (step) => Math.max(step.before, step.after), y: "name", text, textAnchor: "start", dx: 6, fill: "var(--text)" }),
      Plot.ruleX([0]),
    ],
  }));
}

/** Say what the steps of a case come to, beside the whole. */
function seriesText(data, machine, described) {
  const steps = described ? stepsOf(data, machine, described.index) : [];
  if (!steps.length) return "";
  const product = steps.reduce((all, step) => all * step.ratio, 1);
  const tip = steps[steps.length - 1].hash;
  const rows = compareCommits(data, machine, data.series.base, tip).rows;
  const whole = rows.find((row) => row.case.index === described.index);
  const said = [`The steps multiply to ${digits(product)}`];
  if (whole && whole.evidence) {
    const inside = whole.evidence.low <= product && product <= whole.evidence.high;
    said.push(`${inside ? "inside" : "outside"} the interval of the whole, ${ratioText(whole)} (${intervalText(whole)}).`);
  } else {
    said.push(`the whole is ${whole ? ratioText(whole) : "not known"}.`);
  }
  const apart = steps.filter((step) => step.isApart).length;
  const notes = [said.join("; ")];
  if (apart) notes.push(`Pale bars: ${apart} steps between runs at other times, on which the machine was another one, as it were.`);
  if (steps[0].name === "control") notes.push("The first bar is an empty change: what it shows is noise.");
  return notes.join(" ");
}

/** Draw a case over the releases; `onChoose` is told which release a person clicks. */
function drawHistory(figure, data, machine, described, onChoose) {
  const found = described ? releasesOf(data, machine, described) : [];
  if (found.length < 2) return showIn(figure, "This case was measured of fewer than two releases on this machine.");
  const width = widthOf(figure);
  const steps = ((data.steps[machine] || {})[described.index] || [])
    .map((hash) => found.find((each) => each.hash === hash))
    .filter(Boolean);
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
      Plot.ruleX(found.filter((each) => each.low !== null), { x: "label", y1: "low", y2: "high", stroke: "var(--neutral)" }),
      Plot.line(found, { x: "label", y: "value", stroke: "var(--faster)", curve: "step-after" }),
      Plot.dot(found, { x: "label", y: "value", fill: "var(--faster)", r: 4 }),
      Plot.tip(found, Plot.pointerX({ maxRadius: Infinity, x: "label", y: "value",
        title: (each) => `${each.label}\n${valueText(each.value, described.unit)}${steps.includes(each) ? "\na step begins here" : ""}\nclick to choose` })),
    ],
  });
  chart.addEventListener("click", () => chart.value && onChoose(chart.value.hash));
  chart.style.cursor = "pointer";
  showIn(figure, chart);
}

/** Return the releases that a machine measured a case of, in their order, with their quartiles. */
function releasesOf(data, machine, described) {
  return data.commits
    .filter((commit) => commit.role === "release")
    .map((commit) => [commit, readSide(data, machine, commit.hash)])
    .map(([commit, side]) => [commit, side && side.cases.get(described.index)])
    .filter(([, found]) => found && found.value !== null)
    .map(([commit, found]) => {
      const sorted = [...found.samples].sort((one, other) => one - other);
      const at = (share) => (sorted.length ? sorted[Math.round(share * (sorted.length - 1))] : null);
      return { hash: commit.hash, label: commit.label, value: found.value, low: at(0.25), high: at(0.75) };
    });
}
