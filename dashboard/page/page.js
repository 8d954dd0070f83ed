// What a person chooses, kept in the address, and everything drawn from it.
"use strict";

const KEYS = ["machine", "before", "after", "search", "verdicts", "sort", "case"];

/** Return what was chosen: the address's words over the data's own. */
function readChoice(data) {
  const words = new URLSearchParams(location.hash.slice(1));
  const machine = data.machines.some((each) => each.name === words.get("machine"))
    ? words.get("machine") : data.default.machine;
  const commits = measuredCommits(data, machine);
  const named = (word, usual) => {
    const found = commits.find((each) => [each.hash, each.label].includes(word) ||
      (word && word.length >= 7 && each.hash.startsWith(word)));
    return found ? found.hash : usual;
  };
  const usual = usualPair(data, machine, commits);
  const verdicts = words.has("verdicts") ? words.get("verdicts").split("|") : VERDICTS.slice(0, 5);
  const sort = (words.get("sort") || "case").replace(/^-/, "");
  return {
    machine,
    before: named(words.get("before"), usual[0]),
    after: named(words.get("after"), usual[1]),
    search: words.get("search") || "",
    verdicts: new Set(verdicts.filter((each) => VERDICTS.includes(each))),
    sort: COLUMNS.some((column) => column.key === sort) ? sort : "case",
    descending: (words.get("sort") || "").startsWith("-"),
    case: words.get("case") || data.default.case,
  };
}

function usualPair(data, machine, commits) {
  const { before, after } = data.default;
  const hashes = commits.map((each) => each.hash);
  if (hashes.includes(before) && hashes.includes(after)) return [before, after];
  return [hashes[0] || null, hashes[hashes.length - 1] || null];
}

function measuredCommits(data, machine) {
  const measured = data.results[machine] || {};
  return data.commits.filter((commit) => commit.hash in measured);
}

/** Put what was chosen into the address, so that a link shows the same, and draw it. */
function writeChoice(data, choice) {
  const words = new URLSearchParams();
  words.set("machine", choice.machine);
  for (const side of ["before", "after"]) {
    if (choice[side] !== null) words.set(side, labelOf(data, choice[side]));
  }
  if (choice.search) words.set("search", choice.search);
  const verdicts = VERDICTS.filter((each) => choice.verdicts.has(each));
  if (verdicts.join() !== VERDICTS.slice(0, 5).join()) words.set("verdicts", verdicts.join("|"));
  if (choice.sort !== "case" || choice.descending) {
    words.set("sort", (choice.descending ? "-" : "") + choice.sort);
  }
  if (choice.case !== data.default.case) words.set("case", choice.case);
  window.history.replaceState(null, "", `#${words}`);
  draw(data);
}

function optionsFor(select, choices, chosen) {
  const groups = new Map();
  for (const [value, label, group] of choices) {
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push(element("option", { value, selected: value === chosen }, label));
  }
  select.replaceChildren(...[...groups].flatMap(([group, options]) =>
    group ? [element("optgroup", { label: group }, ...options)] : options));
}

const GROUPS = { release: "releases", optimization: "the optimisation series", control: "the optimisation series" };

function drawChoices(data, choice) {
  const commits = measuredCommits(data, choice.machine).map((commit) => [
    commit.hash, commit.label, GROUPS[commit.role] || "other commits",
  ]);
  optionsFor(byId("machine"), data.machines.map(({ name }) => [name, name, ""]), choice.machine);
  for (const side of ["before", "after"]) optionsFor(byId(side), commits, choice[side]);
  // Not under the fingers of whoever is typing.
  if (document.activeElement !== byId("search")) byId("search").value = choice.search;
  for (const box of document.querySelectorAll("#verdicts input")) box.checked = choice.verdicts.has(box.value);
  const cases = readCases(data).filter((each) => each.unit !== "digest");
  cases.sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const select of document.querySelectorAll("select.case")) {
    optionsFor(select, cases.map((each) => [each.name, each.name, each.topic]), choice.case);
  }
}

function byId(id) {
  return document.getElementById(id);
}

/** Draw the whole page anew. */
function draw(data) {
  const choice = readChoice(data);
  drawChoices(data, choice);
  if (choice.before === null) return drawNothing(choice);
  const comparison = compareCommits(data, choice.machine, choice.before, choice.after);
  const names = ["before", "after"].map((side) => labelOf(data, choice[side]));
  const said = headline(comparison, data.highlights);
  byId("headline").textContent = said;
  byId("names").textContent = names.join(" → ");
  byId("counts").textContent = countsText(comparison.rows) + "." +
    (choice.before === choice.after ? " Both sides are the same commit: choose another one." : "");
  byId("circumstances").textContent = circumstancesText(data, choice);
  const onSort = (key) => {
    const descending = choice.sort === key && !choice.descending;
    writeChoice(data, { ...choice, sort: key, descending });
  };
  drawTable(byId("cases"), comparison, choice, onSort);
  byId("shown").textContent = `${groupedRows(comparison.rows, choice).reduce((sum, [, rows]) => sum + rows.length, 0)} of ${comparison.rows.length} cases are shown`;
  byId("csv").onclick = () => save("comparison.csv", "text/csv", asCsv(comparison, choice));
  byId("markdown").onclick = () => save("comparison.md", "text/markdown", asMarkdown(comparison, choice, names, said));
  performance.mark("table");
  // The charts lie below what is seen first.
  clearTimeout(waitingCharts);
  waitingCharts = setTimeout(() => drawCharts(data, choice, comparison), 20);
}
let waitingCharts = 0;

function drawNothing(choice) {
  byId("headline").textContent = choice.machine
    ? `Nothing was measured on ${choice.machine}: choose another machine`
    : "Nothing was measured yet. Measure with: make bench";
  for (const id of ["names", "counts", "circumstances", "shown", "series-text", "imports-text"]) {
    byId(id).textContent = "";
  }
  const nothing = { rows: [] };
  drawTable(byId("cases"), nothing, choice, () => {});
  for (const figure of document.querySelectorAll("figure")) showIn(figure, "Nothing was measured.");
  byId("csv").onclick = byId("markdown").onclick = null;
  document.documentElement.dataset.drawn = "yes";
}

function drawCharts(data, choice, comparison) {
  const described = readCases(data).find((each) => each.name === choice.case);
  drawRatios(byId("ratios-chart"), comparison, choice);
  drawSeries(byId("series-chart"), data, choice.machine, described);
  byId("series-text").textContent = seriesText(data, choice.machine, described);
  drawHistory(byId("history-chart"), data, choice.machine, described, (hash) => {
    const side = document.querySelector("input[name=side]:checked").value;
    writeChoice(data, { ...choice, [side]: hash });
  });
  const witness = described && described.witness !== null ? readCases(data)[described.witness] : null;
  byId("history-count").hidden = witness === null;
  if (witness) drawHistory(byId("history-count"), data, choice.machine, witness, () => {});
  const [before, after] = ["before", "after"].map((side) => data.imports[choice[side]]);
  drawIcicle(byId("imports-before"), before, after, "left");
  drawIcicle(byId("imports-after"), after, before, "came");
  byId("imports-text").textContent = importsText(before, after);
  document.documentElement.dataset.drawn = "yes";
}

function circumstancesText(data, choice) {
  const side = readSide(data, choice.machine, choice.before);
  if (!side) return "";
  const { cpu, num_cpu: cores, os, python } = side.circumstances;
  return `Machine ${choice.machine}: ${cpu}, ${cores} cores, ${os}; Python ${python}.`;
}

function save(name, type, text) {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Let everything that a person changes go through the address. */
function listen(data) {
  const change = (changed) => writeChoice(data, { ...readChoice(data), ...changed });
  for (const id of ["machine", "before", "after"]) {
    byId(id).addEventListener("change", (event) => change({ [id]: event.target.value }));
  }
  byId("swap").addEventListener("click", () => {
    const { before, after } = readChoice(data);
    change({ before: after, after: before });
  });
  let typed = 0;
  byId("search").addEventListener("input", (event) => {
    clearTimeout(typed);
    typed = setTimeout(() => change({ search: event.target.value.trim() }), 150);
  });
  // The address holds the choice: a link to a section must not take its place.
  for (const link of document.querySelectorAll("a[href^='#']")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const section = byId(link.getAttribute("href").slice(1));
      section.setAttribute("tabindex", "-1");
      section.scrollIntoView();
      section.focus({ preventScroll: true });
    });
  }
  byId("verdicts").addEventListener("change", () => {
    const boxes = [...document.querySelectorAll("#verdicts input:checked")];
    change({ verdicts: new Set(boxes.map((box) => box.value)) });
  });
  for (const select of document.querySelectorAll("select.case")) {
    select.addEventListener("change", (event) => change({ case: event.target.value }));
  }
  window.addEventListener("hashchange", () => draw(data));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(data));
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) draw(data);
    width = window.innerWidth;
  });
}

/** Addresses of asv's own pages, which were here before, lead to where these are now. */
function isOfAsv(hash) {
  return hash.length > 1 && !KEYS.some((key) => hash.startsWith(`#${key}=`)) && /[/.?]/.test(hash);
}

if (isOfAsv(location.hash)) {
  location.replace(`asv.html${location.hash}`);
} else {
  const data = JSON.parse(byId("data").textContent);
  document.documentElement.classList.add("script");
  byId("from-a-file").hidden = location.protocol !== "file:";
  listen(data);
  draw(data);
}
