// Reads asv's result files for the comparison, as mfbench/results/reader.py does.
"use strict";

// asv writes null for what failed, and NaN, which is no JSON, for what was skipped; statistics that
// the page does not read may be infinite.
const SKIPPED = "skipped";
const MACHINE_FACTS = ["machine", "arch", "cpu", "num_cpu", "os"];
const DIGITS = 6;

/** Read the text of a file. */
function parsedResult(text) {
  const wordsAndTexts = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;
  return JSON.parse(text.replace(wordsAndTexts, (found) => (found[0] === '"' ? found : JSON.stringify(SKIPPED))));
}

/** Return when the last run began whose results a file holds. */
function lastBegan({ results, result_columns: columns }) {
  const place = columns.indexOf("started_at");
  return d3.max(Object.values(results), (values) => values[place] || 0) || 0;
}

/** Return what a file says of a commit: its circumstances, and what was measured by place of the case. */
function sideOf({ params, python, requirements, results, result_columns: columns }) {
  const facts = MACHINE_FACTS.filter((key) => key in params).map((key) => [key, String(params[key])]);
  const circumstances = { ...Object.fromEntries(facts), python: String(python), ...requirements };
  const cases = new Map();
  for (const [name, values] of Object.entries(results)) {
    const found = Object.fromEntries(columns.map((column, place) => [column, values[place]]));
    const [version, began] = [String(found.version), (found.started_at || 0) / 1000];
    const chosen = (found.params || []).reduce(
      (sets, values) => sets.flatMap((set) => values.map((value) => [...set, value])), [[]]);
    chosen.forEach((parameters, place) => {
      // asv trims what is missing at the end: it failed.
      const stored = found.result?.[place] ?? null;
      const isKnown = stored !== null && stored !== SKIPPED;
      const samples = isKnown && found.samples?.[place]
        ? found.samples[place].map((each) => Number(each.toPrecision(DIGITS))) : [];
      const value = isKnown ? d3.median(samples) ?? stored : null;
      cases.set(placeOf(name, parameters), { value, samples, version, began, failed: stored === null });
    });
  }
  return { circumstances, cases };
}

/** Return the place of a case in the page's data, to which a case that it lacks is added. */
function placeOf(name, parameters) {
  const nameOfCase = (name, values) => [name, ...values.map((each) => each.replace(/^'|'$/g, ""))].join("\n");
  const places = once("places", () => new Map(
    data.cases.map(([place, values], index) => [nameOfCase(data.benchmarks[place].name, values), index])));
  const wanted = nameOfCase(name, parameters);
  if (!places.has(wanted)) {
    let benchmark = data.benchmarks.findIndex((each) => each.name === name);
    if (benchmark < 0) {
      const names = parameters.map((_, place) => `parameter ${place + 1}`);
      benchmark = data.benchmarks.push({ name, unit: "seconds", parameter_names: names, runs_metaflow: true }) - 1;
    }
    places.set(wanted, data.cases.push([benchmark, parameters, null, null, null]) - 1);
    made.delete("cases");
  }
  return places.get(wanted);
}
