// What a person chooses, kept in the address, and everything drawn from it.
"use strict";

const SHOWN_VERDICTS = VERDICTS.filter((each) => each !== "not measured");

function byId(id) {
  return document.getElementById(id);
}

/** Return the choice: what the address says, or else the data's own. */
function readChoice(data) {
  const words = new URLSearchParams(location.hash.slice(1));
  const known = data.machines.find(({ name }) => name === words.get("machine"));
  const machine = known ? known.name : data.default.machine;
  const commits = commitsToChoose(data, machine);
  const named = (word, usual) => (commits.find(
    (each) => each.label === word || (word?.length >= 7 && each.hash.startsWith(word)),
  ) || commits.find((each) => each.hash === usual))?.hash;
  const usual = data.machines.find(({ name }) => name === machine);
  const verdicts = words.has("verdicts") ? words.get("verdicts").split("|") : SHOWN_VERDICTS;
  const sort = (words.get("sort") || "").replace(/^-/, "");
  return {
    machine,
    base: named(words.get("base"), usual?.base),
    head: named(words.get("head"), usual?.head),
    everyRun: words.get("runs") === "every",
    search: words.get("search") || "",
    verdicts: new Set(verdicts.filter((each) => VERDICTS.includes(each))),
    sort: COLUMNS.some((column) => column.key === sort) ? sort : "case",
    descending: (words.get("sort") || "").startsWith("-"),
    case: words.get("case") || data.default.case,
  };
}

/** Return the commits that a machine measured, and, if there are any, the rest of the series. */
function commitsToChoose(data, machine) {
  const measured = data.results[machine] || {};
  const series = Object.keys(measured).length ? [data.series.base, ...data.series.commits] : [];
  return data.commits.filter(({ hash }) => hash in measured || series.includes(hash));
}

/** Return a commit as the lists show it: its hash, its text, and its group. */
function optionOf(data, machine, { hash, label, name, title, role }) {
  const isOfSeries = data.series.commits.includes(hash);
  const group = role === "release" ? "releases" : isOfSeries ? "the optimisation series" : "other commits";
  const told = group === "other commits" ? `: ${title}` : name === label ? "" : ` (${name})`;
  return [hash, `${label}${told}${hash in data.results[machine] ? "" : ", not measured"}`, group];
}

/** Put the choice into the address, so that a link shows the same, and draw it. */
function writeChoice(data, choice) {
  const words = new URLSearchParams({ machine: choice.machine });
  for (const side of ["base", "head"]) {
    if (choice[side]) words.set(side, labelOf(data, choice[side]));
  }
  if (choice.search) words.set("search", choice.search);
  const verdicts = VERDICTS.filter((each) => choice.verdicts.has(each)).join("|");
  if (verdicts !== SHOWN_VERDICTS.join("|")) words.set("verdicts", verdicts);
  const sort = (choice.descending ? "-" : "") + choice.sort;
  if (sort !== "case") words.set("sort", sort);
  if (choice.everyRun) words.set("runs", "every");
  if (choice.case !== data.default.case) words.set("case", choice.case);
  window.history.replaceState(null, "", `#${words}`);
  draw(data);
}

/** Fill a list with options, given as value, label and group; an empty group has no heading. */
function fillSelect(select, choices, chosen) {
  const groups = d3.groups(choices, ([, , group]) => group);
  select.replaceChildren(...groups.flatMap(([group, members]) => {
    const options = members.map(([value, label]) => element("option", { value, selected: value === chosen }, label));
    return group ? [element("optgroup", { label: group }, ...options)] : options;
  }));
}

function drawChoices(data, choice) {
  const commits = commitsToChoose(data, choice.machine).map((each) => optionOf(data, choice.machine, each));
  fillSelect(byId("machine"), data.machines.map(({ name }) => [name, name, ""]), choice.machine);
  for (const side of ["base", "head"]) fillSelect(byId(side), commits, choice[side]);
  // Not while a person types there.
  if (document.activeElement !== byId("search")) byId("search").value = choice.search;
  for (const box of document.querySelectorAll("#verdicts input")) box.checked = choice.verdicts.has(box.value);
  byId("every-run").checked = choice.everyRun;
  const cases = readCases(data).filter((each) => each.topic !== ANSWERS);
  const options = d3.sort(cases, (each) => each.name).map((each) => [each.name, each.name, each.topic]);
  for (const select of document.querySelectorAll("select[name=case]")) fillSelect(select, options, choice.case);
}

/** Draw the whole page anew. */
function draw(data) {
  const choice = readChoice(data);
  const { machine, base, head, everyRun } = choice;
  drawChoices(data, choice);
  const rows = base ? compareCommits(data, machine, base, head, everyRun) : [];
  const shown = groupedRows(rows, choice);
  const names = base ? [base, head].map((hash) => labelOf(data, hash)).join(" → ") : "";
  const nothing = machine ? `Nothing was measured on ${machine}: choose another machine` :
    "Nothing was measured yet. Measure with: make bench";
  const unmeasured = [base, head].filter((hash) => base && !(hash in data.results[machine]));
  const said = !base ? nothing : unmeasured.length ?
    `Not measured on ${machine}: ${unmeasured.map((hash) => nameOf(data, hash)).join(" and ")}` :
    headline(rows, data.highlights);
  const summary = summaryText(rows, base && !everyRun ? otherRuns(data, machine, base, head) : 0);
  byId("headline").textContent = said;
  byId("names").textContent = names;
  byId("summary").textContent = `${summary}.` +
    (base && base === head ? " Base and head are the same commit: choose another one." : "");
  const facts = (readSide(data, machine, base) || readSide(data, machine, head))?.circumstances;
  byId("circumstances").textContent = facts ? `Machine ${machine}: ${facts.cpu}, ${facts.num_cpu} cores, ` +
    `${facts.os}; Python ${facts.python}.` : "";
  const why = rows.length ? "No case matches: choose more verdicts, or change the search." : said;
  drawTable(byId("cases"), shown, choice, why, (key) => {
    writeChoice(data, { ...choice, sort: key, descending: choice.sort === key && !choice.descending });
  });
  const listed = shown.flatMap(([, each]) => each);
  byId("shown").textContent = `${listed.length} of ${rows.length} cases are shown`;
  byId("csv").onclick = () => save("comparison.csv", "text/csv", asCsv(listed));
  byId("markdown").onclick = () =>
    save("comparison.md", "text/markdown", asMarkdown(listed, names, `${said}.\n\n${summary}.`));
  // Later: the charts are below what is seen first.
  clearTimeout(waitingCharts);
  waitingCharts = setTimeout(() => drawCharts(data, choice, listed, controlNoise(rows)), 20);
}
let waitingCharts = 0;

function drawCharts(data, choice, listed, noise) {
  const { machine, base, head } = choice;
  drawRatios(byId("ratios-chart"), listed, noise);
  const cases = readCases(data);
  const described = cases.find((each) => each.name === choice.case);
  const steps = stepsOf(data, machine, described?.index);
  drawSeries(byId("series-chart"), data, described, steps);
  byId("series-text").textContent = seriesText(data, machine, described, steps);
  const choose = (hash) => {
    const side = document.querySelector("input[name=side]:checked").value;
    writeChoice(data, { ...choice, [side]: hash });
  };
  drawHistory(byId("history-chart"), data, machine, described, choose);
  const witness = cases[described?.witness];
  byId("history-count").hidden = !witness;
  if (witness) drawHistory(byId("history-count"), data, machine, witness, choose);
  const [old, now] = [base, head].map((hash) => data.imports[hash]);
  drawIcicle(byId("imports-base"), old, now, "head");
  drawIcicle(byId("imports-head"), now, old, "base");
  byId("imports-text").textContent = importsText(old, now);
  document.documentElement.dataset.drawn = "yes";
}

function save(name, type, text) {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Let all that a person changes go through the address. */
function listen(data) {
  const change = (changed) => writeChoice(data, { ...readChoice(data), ...changed });
  for (const select of document.querySelectorAll("select")) {
    select.addEventListener("change", () => change({ [select.name]: select.value }));
  }
  byId("swap").addEventListener("click", () => {
    const { base, head } = readChoice(data);
    change({ base: head, head: base });
  });
  let typed = 0;
  byId("search").addEventListener("input", (event) => {
    clearTimeout(typed);
    typed = setTimeout(() => change({ search: event.target.value.trim() }), 150);
  });
  byId("every-run").addEventListener("change", (event) => change({ everyRun: event.target.checked }));
  byId("verdicts").addEventListener("change", () => {
    const boxes = [...document.querySelectorAll("#verdicts input:checked")];
    change({ verdicts: new Set(boxes.map((box) => box.value)) });
  });
  // The address holds the choice: a link to a section must not replace it.
  for (const link of document.querySelectorAll("a[href^='#']")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const section = document.querySelector(link.getAttribute("href"));
      section.scrollIntoView();
      section.focus({ preventScroll: true });
    });
  }
  window.addEventListener("hashchange", () => draw(data));
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) draw(data);
    width = window.innerWidth;
  });
}

const data = JSON.parse(byId("data").textContent);
// Addresses of asv's own pages, such as #/summarylist, still lead to them.
if (/^#[^=]*[/.]/.test(location.hash)) {
  location.replace(`asv.html${location.hash}`);
} else {
  document.documentElement.classList.add("script");
  byId("from-a-file").hidden = location.protocol !== "file:";
  listen(data);
  draw(data);
}
