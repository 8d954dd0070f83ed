// What a row shows when it is opened: every sample, its history, what it measures, how to repeat it.
"use strict";

/** Return a function that fills a cell with all that is known of a row. */
function detailOf(machine, base, head) {
  const sides = [["base", base], ["control", controlOf(data, base)], ["head", head]];
  return async (cell, row) => {
    const samples = element("figure", {}, element("figcaption", {}, "Each process's time: base, its control (the same code), and head."));
    const trend = element("figure", {}, element("figcaption", {}, "The medians of releases and of the branch, on this machine. Times of other releases are of other runs."));
    cell.append(
      element("p", {}, row.case.benchmark.about || "No description."),
      element("div", { class: "charts" }, ...(row.case.isTimed ? [samples] : []), trend),
      element("p", {}, "Repeat it: ", element("code", {}, commandFor(row, base, head)),
        ...(IS_ONE_FILE ? [] : [" · ", element("a", { href: historyAddress(row.case) }, "asv's graph")])),
    );
    if (row.case.isTimed) drawSamples(samples, machine, sides, row.case);
    // Of what was dropped on the page, there is no history.
    const isPublished = machine in data.measured && "about" in row.case.benchmark;
    if (isPublished) await load(`history/${machine}/${row.case.benchmark.name}`);
    drawHistory(trend, machine, row.case);
  };
}

/** Return the command that measures a row again. */
function commandFor(row, base, head) {
  const pattern = row.case.name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return `mfbench run ${labelOf(data, base)} ${labelOf(data, head)} --bench '^${pattern.replaceAll("'", "'\\''")}$'`;
}

/** Draw every sample of base, control and head as a dot. */
function drawSamples(figure, machine, sides, described) {
  const found = sides.flatMap(([side, hash]) =>
    (readSide(data, machine, hash)?.cases.get(described.index)?.samples || []).map((seconds) => ({ side, seconds })));
  if (!found.length) return showIn(figure, "No samples were recorded.");
  showIn(figure, Plot.plot({
    width: widthOf(figure),
    height: 130,
    marginLeft: 60,
    ariaLabel: `every sample of ${described.name}`,
    x: { label: null, zero: true, nice: true, grid: true, ticks: 5, tickFormat: (x) => valueText(x, "seconds") },
    y: { domain: sides.map(([side]) => side), label: null, tickSize: 0 },
    marks: [
      Plot.dot(found, { x: "seconds", y: "side", stroke: "var(--link)", r: 4 }),
      Plot.tickX(found, Plot.groupY({ x: "median" }, { x: "seconds", y: "side", stroke: "var(--text)", strokeWidth: 2 })),
    ],
  }));
}

/** Draw the medians of a case over the releases. */
function drawHistory(figure, machine, described) {
  const values = parts.get(`history/${machine}/${described.benchmark.name}`)?.[described.index] || [];
  if (values.length < 2) return showIn(figure, "This machine measured the case at fewer than two releases.");
  drawTrend(figure, {
    machine,
    unit: described.unit,
    labels: values.map(([place]) => data.commits[place].label),
    values: values.map(([, value]) => value),
    steps: [],
    said: `${described.name} over the releases`,
  });
}

function widthOf(figure) {
  return Math.max(220, Math.min(1200, figure.clientWidth || 900));
}
