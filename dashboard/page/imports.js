// The import trees of both sides as icicles: each module as wide as what it takes.
"use strict";

const ROW_HEIGHT = 20;
const DEPTH = 14;

/** Return the names of all modules of a tree. */
function modulesOf(tree, found = new Set()) {
  found.add(tree[0]);
  for (const child of tree[2]) modulesOf(child, found);
  return found;
}

/** Draw the icicle of one side; modules that the other side lacks are marked. */
function drawIcicle(figure, own, other, mark) {
  if (!own) {
    return showIn(figure, "No import tree was recorded of this commit. Record it: " +
      "python -m scripts.importtree BEFORE AFTER --format json --output results/imports/NAME.json");
  }
  const lacking = other ? modulesOf(other.tree) : null;
  const root = d3.hierarchy(own.tree, (node) => node[2])
    .sum((node) => node[1])
    .sort((one, another) => another.value - one.value);
  d3.partition()(root);
  const width = widthOf(figure);
  const detail = document.getElementById("imports-detail");
  const chart = d3.create("svg")
    .attr("viewBox", [0, 0, width, ROW_HEIGHT * DEPTH])
    .attr("width", width)
    .attr("height", ROW_HEIGHT * DEPTH)
    .attr("role", "group")
    .attr("aria-label", `modules that import ${own.module} loads`);
  const zoom = (focus) => {
    const scale = width / (focus.x1 - focus.x0);
    const shown = root.descendants().filter((node) =>
      (node.x1 - node.x0) * scale > 1 && node.x1 > focus.x0 && node.x0 < focus.x1 &&
      node.depth >= focus.depth - 1 && node.depth < focus.depth + DEPTH - 1);
    const groups = chart.selectAll("g").data(shown, (node) => pathOf(node)).join("g")
      .attr("transform", (node) => {
        const left = Math.max(0, (node.x0 - focus.x0) * scale);
        return `translate(${left},${(node.depth - Math.max(0, focus.depth - 1)) * ROW_HEIGHT})`;
      });
    groups.selectAll("*").remove();
    for (const name of ["tabindex", "role", "aria-label"]) groups.attr(name, null);
    groups.on("click", null).on("keydown", null).on("focus", null);
    const wide = (node) =>
      Math.min(width, (node.x1 - focus.x0) * scale) - Math.max(0, (node.x0 - focus.x0) * scale);
    groups.append("rect")
      .attr("width", (node) => Math.max(0, wide(node) - 0.5))
      .attr("height", ROW_HEIGHT - 1)
      .attr("class", (node) => (lacking && !lacking.has(node.data[0]) ? mark : "module"));
    groups.append("text")
      .attr("x", 3)
      .attr("y", 14)
      .text((node) => fitting(node.data[0], wide(node)));
    groups.append("title").text((node) => nodeText(node, root, lacking, mark));
    groups.filter((node) => node.children && wide(node) > 12)
      .attr("tabindex", 0)
      .attr("role", "button")
      .attr("aria-label", (node) => nodeText(node, root, lacking, mark))
      .on("focus", (_, node) => (detail.textContent = nodeText(node, root, lacking, mark)))
      .on("click", (_, node) => zoom(node === focus ? node.parent || root : node))
      .on("keydown", (event, node) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        zoom(node === focus ? node.parent || root : node);
      });
  };
  zoom(root);
  showIn(figure, chart.node());
}

function pathOf(node) {
  return node.ancestors().map((each) => each.data[0]).join("<");
}

function fitting(name, width) {
  const room = Math.floor((width - 6) / 6.6);
  if (room < 3) return "";
  return name.length > room ? `${name.slice(0, room - 1)}…` : name;
}

function nodeText(node, root, lacking, mark) {
  const own = valueText(node.data[1] / 1e6, "seconds");
  const share = digits((100 * node.value) / root.value);
  const gone = lacking && !lacking.has(node.data[0]);
  const said = gone ? (mark === "left" ? "; not loaded after" : "; not loaded before") : "";
  return `${node.data[0]}: ${valueText(node.value / 1e6, "seconds")} with all below (${share}%), ` +
    `${own} by itself${said}`;
}

/** Say what both trees come to. */
function importsText(before, after) {
  if (!before || !after) return "";
  const [was, is] = [before, after].map((each) => modulesOf(each.tree));
  const left = [...was].filter((name) => !is.has(name)).length;
  const came = [...is].filter((name) => !was.has(name)).length;
  return `${was.size} modules before and ${is.size} after: ${left} are no longer loaded, ${came} came. ` +
    `Times are those of python -X importtime, medians of ${before.rounds} processes. ` +
    "Click a module to look into it, and again to go back.";
}
