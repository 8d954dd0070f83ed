// The data, in parts: what a view needs is loaded when the view is opened.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const IS_ONE_FILE = document.querySelector("script[data-part]") !== null;
// Names of machines may come from dropped files.
data.results = Object.create(null);
const parts = new Map();

/** Take a part in. Each part is a script that calls this, so that pages opened as files work too. */
function received(name, content) {
  const [kind, machine, commit] = name.split("/");
  if (kind === "commits" || kind === "cases") Object.assign(data, content);
  if (kind === "results") {
    // Of several environments, what was measured last comes first.
    const files = d3.sort(content.map(parsedResult), (one, other) => lastBegan(other) - lastBegan(one));
    (data.results[machine] ??= {})[commit] = Object.fromEntries(files.map((each) => [each.env_name, each]));
  }
  parts.set(name, content);
}

/** Load parts, unless they are there; a page that is one file has no others. */
async function load(...names) {
  if (!IS_ONE_FILE) await Promise.all(names.filter((name) => !parts.has(name)).map(loadOne));
}

function loadOne(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `data/${name.split("/").map(encodeURIComponent).join("/")}.js`;
    script.onload = () => (parts.has(name) ? resolve() : reject(new Error(`data/${name}.js is damaged`)));
    script.onerror = () => reject(new Error(`data/${name}.js can't be loaded; reload the page`));
    document.head.append(script);
  });
}

/** Load what was measured of some commits; what was not measured is no part. */
function loadResults(machine, hashes) {
  const measured = new Set(data.measured[machine]);
  return load(...hashes.filter((hash) => measured.has(hash)).map((hash) => `results/${machine}/${hash}`));
}

/** Take in the parts that a page that is one file holds. */
function receiveOwnParts() {
  for (const each of document.querySelectorAll("script[data-part]")) {
    received(each.dataset.part, JSON.parse(each.textContent));
  }
}
