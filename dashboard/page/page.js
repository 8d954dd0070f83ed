// Which view is shown, and of what: all of it is in the address, so that links and Back work.
"use strict";

function byId(id) {
  return document.getElementById(id);
}

// Where nothing can be drawn over commits, there is no overview.
const VIEWS = ["overview", "compare", "why"].filter(byId);

/** Return what the address asks for. */
function readAddress() {
  const words = new URLSearchParams(location.hash.slice(1));
  const word = (key) => words.get(key) || "";
  const usual = ["base", "head", "machine"].some((key) => words.has(key)) ? "compare" : VIEWS[0];
  return {
    view: VIEWS.includes(word("view")) ? word("view") : usual,
    machine: word("machine"),
    base: word("base"),
    head: word("head"),
    search: word("search"),
    everyRun: word("runs") ? word("runs") === "every" : Boolean(data.default.every_run),
    case: word("case"),
  };
}

/** Return the words of an address; keys with their usual value are left out. */
function addressOf({ view, machine, base, head, search, everyRun, case: chosen }) {
  const words = new URLSearchParams();
  const usual = base || head || machine ? "compare" : VIEWS[0];
  const isUsual = everyRun === undefined || everyRun === Boolean(data.default.every_run);
  const runs = isUsual ? "" : everyRun ? "every" : "one";
  const named = { view: view === usual ? "" : view, machine, base, head, search, runs, case: chosen };
  for (const [key, value] of Object.entries(named)) if (value) words.set(key, value);
  return String(words);
}

/** Go to an address, as a link does. */
function go(address) {
  if (location.hash.slice(1) === address) draw();
  else location.hash = address;
}

const TITLE = document.title;
let drawing = 0;
let searchTimer = 0; // draws a moment after the last letter typed in the search

/** Draw the view that the address asks for. */
async function draw() {
  const mine = ++drawing;
  const isCurrent = () => mine === drawing;
  const choice = readAddress();
  const root = document.documentElement;
  if (root.dataset.drawn && root.dataset.view !== choice.view) window.scrollTo(0, 0);
  root.dataset.view = choice.view;
  for (const link of document.querySelectorAll("nav a[data-view]")) {
    const { machine, base, head } = choice;
    const { view } = link.dataset;
    link.href = `#${addressOf(view === "overview" ? { view } : { view, machine, base, head }) || `view=${view}`}`;
    if (view === choice.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = choice.view === "overview" ? TITLE : `metaflow benchmarks: ${choice.view}`;
  try {
    await DRAWN_BY[choice.view](choice, isCurrent);
  } catch (problem) {
    if (isCurrent()) byId(choice.view === "why" ? "series-text" : "sentence").textContent = `${problem.message}.`;
  }
  if (isCurrent()) root.dataset.drawn = location.hash.slice(1) || VIEWS[0];
}

const DRAWN_BY = { overview: drawOverview, compare: drawCompare, why: drawWhy };

async function drawWhy(choice, isCurrent) {
  // Only now, for it is long; it is part of the page, as is what it is made from.
  if (!byId("status").hasChildNodes()) byId("status").innerHTML = byId("status-source").textContent;
  await drawSeriesView(choice, isCurrent);
  if (isCurrent()) await drawImports(choice, isCurrent);
}

/** Let all that a person changes go through the address. */
function listen() {
  const change = (changed) => go(addressOf({ ...readAddress(), view: "compare", ...changed }));
  for (const side of ["base", "head"]) {
    byId(side).addEventListener("input", (event) => data.commits && offerCommits(event.target.value));
    byId(side).addEventListener("focus", (event) => {
      event.target.select();
      if (data.commits) offerCommits("");
    });
    byId(side).addEventListener("change", (event) => change({ ...shownPair(), [side]: event.target.value.trim() }));
  }
  for (const button of document.querySelectorAll("#choice [data-step]")) {
    button.addEventListener("click", () => {
      const pair = data.commits ? pairOf(readAddress()) : {};
      const next = pair.base && neighbour(pair, button.dataset.side, Number(button.dataset.step));
      if (next) change({ ...shownPair(), [button.dataset.side]: next.label });
    });
  }
  byId("swap").addEventListener("click", () => {
    const { base, head } = shownPair();
    change({ base: head, head: base });
  });
  byId("slower").addEventListener("click", () => change({ search: "slower" }));
  byId("machine").addEventListener("change", (event) => change({ machine: event.target.value }));
  byId("every-run").addEventListener("change", (event) => change({ everyRun: event.target.checked }));
  byId("series-case").addEventListener("change", (event) => change({ view: "why", case: event.target.value }));
  byId("search").addEventListener("input", (event) => {
    clearTimeout(searchTimer);
    searchTimer = setTimeout(() => {
      // Each letter is no place to go back to.
      const address = addressOf({ ...readAddress(), view: "compare", search: event.target.value.trim() });
      history.replaceState(null, "", `#${address || "view=compare"}`);
      draw();
    }, 150);
  });
  byId("choice").addEventListener("submit", (event) => event.preventDefault());
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId("main").focus();
  });
  window.addEventListener("hashchange", () => {
    clearTimeout(searchTimer);
    if (!goToAsv()) draw();
  });
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    // What a person has opened in the tables stays open.
    if (window.innerWidth !== width && readAddress().view !== "compare") draw();
    width = window.innerWidth;
  });
  listenForFiles();
}

/** Return what the fields show, as words for the address. */
function shownPair() {
  return { base: byId("base").value.trim(), head: byId("head").value.trim() };
}

/** Addresses of asv's own pages, such as #/summarylist, still lead to them. */
function goToAsv() {
  const isOfAsv = /^#[^=]*[/.]/.test(location.hash);
  if (isOfAsv) location.replace(`asv.html${location.hash}`);
  return isOfAsv;
}

if (!goToAsv()) {
  if (byId("from-a-file")) byId("from-a-file").hidden = location.protocol !== "file:";
  receiveOwnParts();
  listen();
  draw();
}
