// The import trees of both commits as icicles: the wider a module, the longer its import takes.
"use strict";

const ROW_HEIGHT = 20;
const DEPTH = 14;

/** Return the names of all modules of a tree. */
function modulesOf(tree) {
  return new Set(d3.map(d3.hierarchy(tree, (node) => node[2]), (node) => node.data[0]));
}

/** Draw the import tree of one commit; modules that the other commit does not load are marked. */
function drawIcicle(figure, own, other, nameOfOther) {
  if (!own) {
    return showIn(figure, "No import tree was recorded of this commit. Record it: " +
      "mfbench explain imports BASE HEAD --format json --output records/imports/NAME.json");
  }
  const common = modulesOf((other || own).tree);
  const root = d3.hierarchy(own.tree, (node) => node[2])
    .sum((node) => node[1])
    .sort((one, another) => another.value - one.value);
  d3.partition()(root);
  const width = widthOf(figure);
  const detail = byId("imports-detail");
  const chart = d3.create("svg")
    .attr("viewBox", [0, 0, width, ROW_HEIGHT * DEPTH])
    .attr("width", width)
    .attr("height", ROW_HEIGHT * DEPTH)
    .attr("role", "group")
    .attr("aria-label", `modules that import ${own.module} loads`);
  const said = (node) => {
    const [every, alone] = [node.value, node.data[1]].map((each) => valueText(each, "microseconds"));
    const share = digits((100 * node.value) / root.value);
    const missing = common.has(node.data[0]) ? "" : `; not loaded by ${nameOfOther}`;
    return `${node.data[0]}: ${every} with what it imports (${share}%), ${alone} by itself${missing}`;
  };
  const zoom = (focus) => {
    const scale = width / (focus.x1 - focus.x0);
    const first = Math.max(0, focus.depth - 1);
    const left = (node) => Math.max(0, (node.x0 - focus.x0) * scale);
    const wide = (node) => Math.min(width, (node.x1 - focus.x0) * scale) - left(node);
    const shown = root.descendants().filter((node) =>
      (node.x1 - node.x0) * scale > 1 && node.x1 > focus.x0 && node.x0 < focus.x1 &&
      node.depth >= first && node.depth < first + DEPTH);
    chart.selectAll("g").remove();
    const groups = chart.selectAll("g").data(shown).join("g")
      .attr("transform", (node) => `translate(${left(node)},${(node.depth - first) * ROW_HEIGHT})`);
    groups.append("rect")
      .attr("width", (node) => Math.max(0, wide(node) - 0.5))
      .attr("height", ROW_HEIGHT - 1)
      .attr("class", (node) => (common.has(node.data[0]) ? "module" : "only"));
    groups.append("text")
      .attr("x", 3)
      .attr("y", 14)
      .text((node) => shortened(node.data[0], 0.94 * wide(node) - 6));
    groups.append("title").text(said);
    const choose = (node) => {
      const next = node === focus ? node.parent || root : node;
      zoom(next);
      chart.selectAll("g[role=button]").filter((each) => each === next).node()?.focus();
    };
    groups.filter((node) => node.children && wide(node) > 12)
      .attr("tabindex", 0)
      .attr("role", "button")
      .attr("aria-label", said)
      .on("focus", (_, node) => (detail.textContent = said(node)))
      .on("click", (_, node) => choose(node))
      .on("keydown", (event, node) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose(node);
      });
  };
  zoom(root);
  showIn(figure, chart.node());
}

/** Say how many modules both commits load, and where the times are from. */
function importsText(base, head) {
  if (!base || !head) return "";
  const [old, now] = [base, head].map((each) => modulesOf(each.tree));
  return `base loads ${old.size} modules and head ${now.size}: ${d3.difference(old, now).size} are gone, ` +
    `${d3.difference(now, old).size} are new. Times are medians of ${base.rounds} processes of ` +
    "python -X importtime. Click a module to zoom into it, and again to go back.";
}
