// Result files of asv that a person drops on the page are compared as if published, in the browser.
"use strict";

/** Take dropped files in; return the address that compares them. */
async function takeFiles(files) {
  await load("commits", "cases");
  const taken = [];
  for (const file of files) {
    taken.push(takeResult(await file.text(), file.name));
  }
  const [{ machine, hash }, other] = d3.sort(taken, (each) => each.date);
  if (other) return addressOf({ machine, base: hash, head: other.hash });
  const { base } = data.machines.find(({ name }) => name === machine);
  return addressOf({ machine, base, head: hash });
}

/** Make a result of asv one of the page's; return its machine, commit and date. */
function takeResult(text, name) {
  const content = parsedResult(text);
  if (content.version !== 2 || !content.commit_hash || !content.results) throw new Error(`${name} is no result file of asv`);
  // What can't be read is not taken in.
  sideOf(content);
  const { commit_hash: hash, date, params } = content;
  const machine = params.machine || "dropped";
  if (!data.machines.some((each) => each.name === machine)) {
    data.machines.push({ name: machine, base: hash, head: hash });
  }
  if (!data.commits.some((each) => each.hash === hash)) {
    const label = name.replace(/\.json$/, "");
    data.commits.push({ hash, label, name: label, title: name, date: date / 1000, role: "other", control_of: null });
  }
  received(`results/${machine}/${hash}`, [text]);
  made.clear(); // what was compared before
  return { machine, hash, date };
}

/** Show the comparison of files, or why there is none. */
async function compareFiles(files) {
  try {
    if (files.length > 2) throw new Error("choose one or two");
    go(await takeFiles(files));
  } catch (problem) {
    clearTimeout(searchTimer); // it would draw over the problem
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
