// The import of base and head as one icicle on one scale: what left, came, grew and shrank.
"use strict";

const ROW_HEIGHT = 24;
const DEPTH = 14;
const CHARACTER = 6.2;
// Smaller changes of a module's own time are noise.
const LEAST_MICROSECONDS = 500;
const LEAST_SHARE = 0.2;
const KINDS = {
  left: "not loaded by head",
  came: "not loaded by base",
  shrank: "its own time shrank",
  grew: "its own time grew",
};

/** Return own microseconds by module, of all modules of a tree. */
function modulesOf(tree) {
  return new Map(d3.map(d3.hierarchy(tree, (node) => node[2]), (node) => [node.data[0], node.data[1]]));
}

/** Return one tree of two: each node has the times of both sides, and what it imports on either. */
function mergedTree(base, head) {
  const children = new Map();
  for (const [side, tree] of [[0, base], [1, head]]) {
    for (const child of tree?.[2] || []) {
      if (!children.has(child[0])) children.set(child[0], [undefined, undefined]);
      children.get(child[0])[side] = child;
    }
  }
  return {
    name: (base || head)[0],
    times: [base?.[1] ?? 0, head?.[1] ?? 0],
    children: [...children.values()].map(([one, other]) => mergedTree(one, other)),
  };
}

/** Return what became of a module; "stayed" if nothing worth a colour. */
function kindOf({ name, times }, old, now) {
  if (!now.has(name)) return "left";
  if (!old.has(name)) return "came";
  const [before, after] = [old.get(name), now.get(name)];
  const change = after - before;
  if (Math.abs(change) < Math.max(LEAST_MICROSECONDS, LEAST_SHARE * before)) return "stayed";
  return change > 0 ? "grew" : "shrank";
}

/** Draw what the import of base and head loads; say what left, came and stayed. */
async function drawImports(choice, isCurrent) {
  await load("commits");
  const pair = pairOf(choice);
  const [base, head] = [pair.base, pair.head];
  const known = [base, head].every((hash) => data.trees.includes(hash));
  const named = known ? [base, head].map((hash) => `imports/${hash}`) : [];
  await load(...named);
  if (!isCurrent()) return;
  const [old, now] = named.map((name) => parts.get(name));
  const figure = byId("imports");
  if (!old || !now) {
    byId("imports-text").textContent = "";
    return showIn(figure, "No import trees were recorded of these two commits. Record them: " +
      "mfbench explain imports BASE HEAD --format json --output records/imports/NAME.json");
  }
  const names = [base, head].map((hash) => labelOf(data, hash));
  byId("imports-text").replaceChildren(...importsText(old, now, names));
  drawIcicle(figure, old, now);
}

/** Draw the merged tree; a module is as wide as the longer of its two times. */
function drawIcicle(figure, old, now) {
  const [before, after] = [old, now].map(({ tree }) => modulesOf(tree));
  const root = d3.hierarchy(mergedTree(old.tree, now.tree), (node) => node.children)
    .sum((node) => Math.max(...node.times))
    .sort((one, another) => another.value - one.value);
  d3.partition()(root);
  const width = widthOf(figure);
  const detail = byId("imports-detail");
  const chart = d3.create("svg")
    .attr("viewBox", [0, 0, width, ROW_HEIGHT * DEPTH])
    .attr("width", width)
    .attr("height", ROW_HEIGHT * DEPTH)
    .attr("role", "group")
    .attr("aria-label", `modules that import ${old.module} loads`);
  const said = ({ data: node }) => {
    const times = [before, after].map((each) => (each.has(node.name) ? valueText(each.get(node.name), "microseconds") : "–"));
    const kind = KINDS[kindOf(node, before, after)];
    return `${node.name}: ${times.join(" → ")} by itself${kind ? `; ${kind}` : ""}`;
  };
  const zoom = (focus) => {
    const scale = width / (focus.x1 - focus.x0);
    const first = Math.max(0, focus.depth - 1);
    const left = (node) => Math.max(0, (node.x0 - focus.x0) * scale);
    const wide = (node) => Math.min(width, (node.x1 - focus.x0) * scale) - left(node);
    const shown = root.descendants().filter((node) =>
      (node.x1 - node.x0) * scale > 1.5 && node.x1 > focus.x0 && node.x0 < focus.x1 &&
      node.depth >= first && node.depth < first + DEPTH);
    chart.selectAll("g").remove();
    const groups = chart.selectAll("g").data(shown).join("g")
      .attr("transform", (node) => `translate(${left(node)},${(node.depth - first) * ROW_HEIGHT})`);
    groups.append("rect")
      .attr("width", (node) => Math.max(0, wide(node) - 0.5))
      .attr("height", ROW_HEIGHT - 1)
      .attr("class", (node) => kindOf(node.data, before, after));
    groups.append("text")
      .attr("x", 3)
      .attr("y", 16)
      .text((node) => shortened(node.data.name, 0.94 * wide(node) - 6));
    groups.append("title").text(said);
    const choose = (node) => {
      const next = node === focus ? node.parent || root : node;
      zoom(next);
      chart.selectAll("g[role=button]").filter((each) => each === next).node()?.focus();
    };
    groups.filter((node) => node.children && wide(node) > 24)
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

function shortened(name, width) {
  const room = Math.floor(width / CHARACTER);
  if (room < 3) return "";
  return name.length > room ? `…${name.slice(name.length - room + 1)}` : name;
}

/** Say how many modules left, came and stayed, and what they took by themselves. */
function importsText(old, now, names) {
  const [before, after] = [old, now].map(({ tree }) => modulesOf(tree));
  const sum = (modules, wanted) => d3.sum([...modules].filter(([name]) => wanted(name)), ([, time]) => time);
  const time = (microseconds) => valueText(microseconds, "microseconds");
  const all = () => true;
  const left = (name) => !after.has(name);
  const came = (name) => !before.has(name);
  const count = (modules, wanted) => [...modules.keys()].filter(wanted).length;
  const key = (kind) => element("span", { class: `key ${kind}` });
  return [
    `${names[0]} loads ${before.size} modules in ${time(sum(before, all))}, ${names[1]} ${after.size} in ${time(sum(after, all))}. `,
    key("left"), ` ${count(before, left)} no longer loaded (${time(sum(before, left))}), `,
    key("came"), ` ${count(after, came)} newly loaded (${time(sum(after, came))}), ${count(after, (name) => !came(name))} loaded by both ` +
      `(${time(sum(before, (name) => !left(name)))} → ${time(sum(after, (name) => !came(name)))}; `,
    key("shrank"), " shrank, ", key("grew"), ` grew by 20% and ${LEAST_MICROSECONDS / 1000} ms or more). ` +
      `A module counts if python -X importtime names it; times are medians of ${old.rounds} processes. ` +
      "Click a module to zoom into it, and again to go back.",
  ];
}
