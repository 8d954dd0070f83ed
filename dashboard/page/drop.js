// Result files of asv that a person drops on the page are compared as if published, in the browser.
"use strict";

// asv writes null for what failed, and NaN, which is no JSON, for what was skipped; statistics that
// the page does not read may be infinite.
const SKIPPED = "skipped";
const FACTS = ["machine", "arch", "cpu", "num_cpu", "os"];

/** Take dropped files in; return the address that compares them. */
async function takeFiles(files) {
  await load("commits", "cases");
  const taken = [];
  for (const file of files) {
    const text = (await file.text()).replace(/-?\b(NaN|Infinity)\b/g, JSON.stringify(SKIPPED));
    taken.push(takeResult(JSON.parse(text), file.name));
  }
  const [{ machine, hash }, other] = d3.sort(taken, (each) => each.date);
  if (other) return addressOf({ machine, base: hash, head: other.hash });
  const { base } = data.machines.find(({ name }) => name === machine);
  return addressOf({ machine, base, head: hash });
}

/** Make a result of asv one of the page's; return its machine, commit and date. */
function takeResult(content, name) {
  if (content.version !== 2 || !content.commit_hash || !content.results) throw new Error(`${name} is no result file of asv`);
  const { commit_hash: hash, env_name: environment, date, params } = content;
  const machine = params.machine || "dropped";
  if (!data.machines.some((each) => each.name === machine)) {
    data.machines.push({ name: machine, base: hash, head: hash });
  }
  if (!data.commits.some((each) => each.hash === hash)) {
    const label = name.replace(/\.json$/, "");
    data.commits.push({ hash, label, name: label, title: name, date: date / 1000, role: "other", control_of: null });
  }
  received(`results/${machine}/${hash}`, { [environment]: sideFrom(content) });
  made.clear(); // what was compared before
  return { machine, hash, date };
}

/** Return a result in the form of the page's data; cases that the page does not know are added. */
function sideFrom({ params, python, requirements, results, result_columns: columns }) {
  const facts = Object.fromEntries(FACTS.filter((key) => key in params).map((key) => [key, String(params[key])]));
  const benchmarks = Object.entries(results).map(([name, values]) => {
    const found = Object.fromEntries(columns.map((column, place) => [column, values[place]]));
    const chosen = (found.params || []).reduce(
      (sets, values) => sets.flatMap((set) => values.map((value) => [...set, value])), [[]]);
    const measurements = chosen.map((parameters, place) => {
      const [value, samples] = [found.result?.[place], found.samples?.[place]];
      const index = placeOf(name, parameters);
      if (samples?.length) return [index, 0, samples.map((each) => 1e6 * each)];
      return value === SKIPPED ? [index] : [index, value ?? null];
    });
    return [String(found.version), (found.started_at || 0) / 1000, measurements];
  });
  return { circumstances: { ...facts, python: String(python), ...requirements }, benchmarks };
}

/** Return the place of a case, as the page's data has it. */
function placeOf(name, parameters) {
  let benchmark = data.benchmarks.findIndex((each) => each.name === name);
  if (benchmark < 0) {
    const names = parameters.map((_, place) => `parameter ${place + 1}`);
    benchmark = data.benchmarks.push({ name, unit: "seconds", parameter_names: names, runs_metaflow: true }) - 1;
  }
  const bare = (values) => values.map((each) => each.replace(/^'|'$/g, "")).join("\n");
  const known = data.cases.findIndex(([place, values]) => place === benchmark && bare(values) === bare(parameters));
  return known >= 0 ? known : data.cases.push([benchmark, parameters, null, null, null]) - 1;
}

/** Show the comparison of files, or why there is none. */
async function compareFiles(files) {
  try {
    if (files.length > 2) throw new Error("choose one or two");
    go(await takeFiles(files));
  } catch (problem) {
    history.pushState(null, "", "#view=compare");
    await draw();
    drawProblem(`The files can't be compared: ${problem.message}`);
  }
}

/** Let files be dropped anywhere on the page. */
function listenForFiles() {
  const mark = (isOver) => document.body.classList.toggle("dropping", isOver);
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    mark(true);
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget || mark(false));
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    mark(false);
    compareFiles([...event.dataTransfer.files]);
  });
  byId("files").addEventListener("change", (event) => compareFiles([...event.target.files]));
}
