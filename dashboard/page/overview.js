// The wall of small charts: what people wait for, over the releases.
"use strict";

const CHART_HEIGHT = 118;
const MOST_LABELS = 2;
// Of the chart's width: labels that are nearer would overlap.
const LEAST_DISTANCE = 0.4;

/** Draw every chart that has a place on the page. */
function drawOverview() {
  document.querySelectorAll("#tiles .tile").forEach((tile, place) => {
    tile.querySelectorAll("figure").forEach((figure, number) => {
      drawTrend(figure, data.trends[place].charts[number]);
    });
  });
}

/** Draw one case over the commits of one machine; a click compares a commit with the one before. */
function drawTrend(figure, { machine, unit, labels, values, steps, said }) {
  const points = labels.map((label, place) => ({ label, value: values[place], before: labels[place - 1] }));
  const at = new Map(points.map((each) => [each.label, each.value]));
  const largest = labelledSteps(steps, labels);
  const color = (step) => `var(--${step.verdict})`;
  const isLate = (step) => labels.indexOf(step.head) >= labels.length / 2;
  const named = (late) => Plot.text(largest.filter((step) => isLate(step) === late), {
    x: "head", frameAnchor: late ? "top-right" : "top-left", dx: late ? 24 : -4, dy: -14, fill: color, fontWeight: 600,
    textAnchor: late ? "end" : "start", text: (step) => step.text.replace(" at", ""),
  });
  const chart = Plot.plot({
    width: widthOf(figure),
    height: CHART_HEIGHT,
    marginLeft: 50,
    marginRight: 30,
    marginTop: 24,
    marginBottom: 20,
    ariaLabel: said,
    x: { type: "point", domain: labels, label: null, ticks: [labels[0], labels.at(-1)], tickFormat: String, tickSize: 3 },
    y: { label: null, zero: true, nice: true, ticks: 3, tickFormat: (y) => axisText(y, unit) },
    marks: [
      Plot.ruleX(steps, { x: "head", stroke: color, strokeWidth: 2, strokeOpacity: 0.4 }),
      Plot.line(points, { x: "label", y: "value", stroke: "var(--neutral)", curve: "step-after", strokeWidth: 1.5 }),
      Plot.dot(points.slice(-1), { x: "label", y: "value", fill: "var(--text)", r: 2.5 }),
      Plot.dot(steps, { x: "head", y: (step) => at.get(step.head), r: 4, fill: color }),
      named(false),
      named(true),
      Plot.tip(points, Plot.pointerX({ x: "label", y: "value", maxRadius: Infinity,
        title: (each) => `${each.label}: ${valueText(each.value, unit)}\nclick to compare with the one before` })),
    ],
  });
  chart.style.cursor = "pointer";
  chart.addEventListener("click", () => {
    if (chart.value?.before) location.hash = addressOf({ machine, base: chart.value.before, head: chart.value.label });
  });
  showIn(figure, chart);
}

/** Return the steps that have a label: the largest, and another where there is room. */
function labelledSteps(steps, labels) {
  const place = (step) => labels.indexOf(step.head) / labels.length;
  const [first, ...others] = d3.sort(steps, (step) => -Math.abs(Math.log(step.ratio)));
  const apart = others.filter((step) => Math.abs(place(step) - place(first)) > LEAST_DISTANCE);
  return first ? [first, ...apart].slice(0, MOST_LABELS) : [];
}

/** Put a chart into a figure, above its caption; or a text, where there is nothing to draw. */
function showIn(figure, chart) {
  const drawn = typeof chart === "string" ? element("p", { class: "note" }, chart) : chart;
  // Plot labels its groups, but an element without a role must not have a label.
  for (const group of drawn.querySelectorAll("g[aria-label]:not([role])")) {
    group.removeAttribute("aria-label");
  }
  if (drawn.tagName === "svg" && !drawn.hasAttribute("role")) drawn.setAttribute("role", "img");
  const caption = figure.querySelector("figcaption");
  figure.replaceChildren(drawn, ...(caption ? [caption] : []));
}
