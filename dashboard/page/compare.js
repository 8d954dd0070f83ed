// The view Compare: which commits are compared, what came of it at a glance, and the cases.
"use strict";

const MOST_OPTIONS = 50;

/** Return the commit that a word names: a label, an optimisation's name, or 7 digits of a hash. */
function findCommit(word) {
  return data.commits.find((each) => each.label === word) ||
    data.commits.find((each) => each.name === word) ||
    (word.length >= 7 ? data.commits.find((each) => each.hash.startsWith(word)) : undefined);
}

function isMeasuredOn(machine, hash) {
  return data.measured[machine]?.includes(hash) || Boolean(data.results[machine]?.[hash]);
}

/** Return machine, base and head of a choice; or the problem, as a sentence. */
function pairOf(choice) {
  const machines = data.machines.map(({ name }) => name);
  if (!machines.length) return { problem: "Nothing was measured yet. Measure with: make bench" };
  if (choice.machine && !machines.includes(choice.machine)) {
    return { problem: `Nothing was measured on ${choice.machine}: choose another machine` };
  }
  const usual = data.machines.find(({ name }) => name === (choice.machine || data.default.machine));
  const found = {};
  for (const side of ["base", "head"]) {
    if (choice[side]) found[side] = findCommit(choice[side])?.hash;
    else found[side] = usual[side];
    if (choice[side] && !found[side]) return { problem: `This page knows no measured commit called ${choice[side]}` };
  }
  const { base, head } = found;
  if (!base) return { problem: `Nothing was measured on ${usual.name}: choose another machine` };
  const both = (name) => isMeasuredOn(name, base) && isMeasuredOn(name, head);
  // The machine that a person named; else the usual one, unless only another measured both.
  const machine = choice.machine || [usual.name, ...machines].find(both) || usual.name;
  const pair = { machine, base, head };
  const unmeasured = [base, head].filter((hash) => !isMeasuredOn(machine, hash));
  if (unmeasured.length) {
    const names = unmeasured.map((hash) => nameOf(data, hash)).join(" and ");
    return { ...pair, problem: `Not measured on ${machine}: ${names}` };
  }
  if (base === head) return { ...pair, problem: "Base and head are the same commit: choose another one" };
  return pair;
}

/** Draw the view; `isCurrent` tells whether this is still what a person wants to see. */
async function drawCompare(choice, isCurrent) {
  await load("commits", "cases");
  if (!isCurrent()) return;
  const pair = pairOf(choice);
  const { machine, base, head, problem } = pair;
  byId("done").textContent = "";
  drawChoice(choice, pair);
  const names = base ? [base, head].map((hash) => labelOf(data, hash)).join(" → ") : "";
  byId("names").textContent = names || "Compare";
  byId("compare").classList.toggle("nothing", Boolean(problem));
  if (problem) return drawProblem(problem);
  const control = controlOf(data, base);
  await loadResults(machine, control ? [base, head, control] : [base, head]);
  if (!isCurrent()) return;
  const rows = compareCommits(data, machine, base, head, choice.everyRun);
  const leftOut = choice.everyRun ? 0 : otherRuns(data, machine, base, head);
  const said = headline(rows, data.highlights);
  document.title = `metaflow ${names}: ${said}`;
  byId("sentence").textContent = verdictSentence(rows);
  byId("where").textContent = whereText(rows);
  byId("costs").textContent = costsText(rows);
  byId("trust").textContent = trustText(rows, compareItself(data, machine, base));
  byId("coverage").textContent = measuredText(rows, leftOut);
  drawCards(byId("cards"), cardsOf(rows, data.highlights));
  drawTables(byId("cases"), rows, choice.search, detailOf(machine, base, head));
  byId("csv").onclick = () => save(`${names.replace(" → ", "..")}.csv`, asCsv(rows, csvTitle(pair, control)));
  byId("markdown").onclick = () => copy(markdownOf(rows, names, said, leftOut));
}

/** Show why there is nothing to compare. */
function drawProblem(problem) {
  document.title = "metaflow benchmarks: compare";
  byId("sentence").textContent = `${problem}.`;
  for (const each of ["cards", "cases"]) byId(each).replaceChildren();
}

/** Show what is compared in the fields; `pair` may lack commits. */
function drawChoice(choice, { machine, base, head }) {
  const shown = { base: base ? labelOf(data, base) : choice.base, head: head ? labelOf(data, head) : choice.head };
  for (const side of ["base", "head"]) byId(side).value = shown[side] || "";
  const named = machine || choice.machine || data.default.machine;
  const names = data.machines.map(({ name }) => name);
  byId("machine").replaceChildren(...names.map((name) => element("option", { value: name, selected: name === named }, name)));
  // Not while a person types there.
  if (byId("search").value.trim() !== choice.search) byId("search").value = choice.search;
  byId("every-run").checked = choice.everyRun;
}

/** Offer the commits of which a person has typed a part. */
function offerCommits(typed) {
  const words = typed.toLowerCase();
  const found = d3.reverse(data.commits).filter(({ label, name, title, hash }) =>
    [label, name, title].some((each) => each.toLowerCase().includes(words)) || hash.startsWith(words));
  byId("commits").replaceChildren(...found.slice(0, MOST_OPTIONS).map(({ label, name, title }) =>
    element("option", { value: label }, name === label ? title : name)));
}

/** Return the release that is some steps from a commit, among those that the machine measured. */
function neighbour({ machine, base, head }, side, step) {
  const releases = data.commits.filter((each) => each.role === "release" && isMeasuredOn(machine, each.hash));
  const { date, hash } = data.commits.find((each) => each.hash === (side === "base" ? base : head));
  const others = releases.filter((each) => each.hash !== hash && (step < 0 ? each.date <= date : each.date >= date));
  return step < 0 ? others.at(-1) : others[0];
}

function drawCards(place, cards) {
  place.replaceChildren(...cards.map(({ label, row }) => {
    const values = [row.before, row.after].map((each) => valueText(each, row.case.unit)).join(" → ");
    return element("article", { class: "card", "data-verdict": row.verdict },
      element("h2", {}, label),
      element("p", { class: "multiple" }, verdictText(row)),
      element("p", {}, values),
      element("p", { class: "note" }, row.evidence ? `95% interval of before / after: ${intervalText(row)}` : noteText(row)));
  }));
}

function csvTitle({ machine, base, head }, control) {
  const days = d3.max(readSide(data, machine, head).cases.values(), ({ began }) => began);
  const [from, to, beside] = [base, head, control].map((hash) => (hash ? `${labelOf(data, hash)} (${hash})` : "none"));
  const day = days ? new Date(1000 * days).toISOString().slice(0, 10) : "unknown";
  return `base: ${from}; head: ${to}; control: ${beside}; machine: ${machine}; measured: ${day}`;
}

function markdownOf(rows, names, said, leftOut) {
  const link = location.protocol === "file:" ? "" : `\n\n[The whole comparison](${location.href})`;
  return asMarkdown(rows, names, `${said}.\n\n${summaryText(rows, leftOut)}.${link}`);
}

function save(name, text) {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    byId("done").textContent = "copied";
  } catch {
    byId("done").textContent = "the browser does not let this page copy; serve it with make preview";
  }
}
