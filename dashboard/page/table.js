// The tables of cases: what moved, and the rest by topic; what they say as CSV and Markdown.
"use strict";

const COLUMNS = ["case", "before", "after", "before / after", "instructions", "verdict"];
const FIRST_ROWS = 25;

/** Make an element with attributes and children; text is never taken for HTML. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Return the address of a case's history in asv's own pages. */
function historyAddress(described) {
  const chosen = described.benchmark.parameter_names.map(
    (name, place) => `p-${encodeURIComponent(name)}=${encodeURIComponent(described.parameters[place])}`,
  );
  return `asv.html#${described.benchmark.name}${chosen.length ? `?${chosen.join("&")}` : ""}`;
}

/** Return whether a row has all words of a search: of its name, its words, its topic or its verdict. */
function matches(row, search) {
  const text = `${row.case.name} ${humanName(row.case)} ${row.verdict} ${row.failed ? "slower" : ""}`.toLowerCase();
  return search.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/** Return how far a row has moved: what fails now comes first, and what has become 0 last. */
function distanceOf(row) {
  if (row.failed) return Infinity;
  return row.ratio ? Math.abs(Math.log(row.ratio)) : 0;
}

/** Return the rows that moved or fail, largest first, and all others. */
function partedRows(rows) {
  const moved = d3.sort(rows.filter((row) => hasMoved(row) || row.failed), (row) => -distanceOf(row));
  return [moved, rows.filter((row) => !moved.includes(row))];
}

/** Draw the tables: what moved, largest first, then a fold for each topic; or what is searched for. */
function drawTables(place, rows, search, onOpen) {
  if (search) {
    const found = d3.sort(rows.filter((row) => matches(row, search)), (row) => -distanceOf(row));
    const said = found.length ? tableOf(found, onOpen) : element("p", {}, "No case matches: change the search.");
    return place.replaceChildren(heading(`${found.length} of ${rows.length} cases match`), said);
  }
  const [moved, rest] = partedRows(rows);
  const isFloor = (row) => row.verdict === "same code";
  const topics = d3.sort(d3.groups(rest.filter((row) => !isFloor(row)), (row) => row.case.topic), ([topic]) => topic);
  const floors = rest.filter(isFloor);
  place.replaceChildren(
    heading(moved.length ? `What changed: ${moved.length} of ${rows.length} cases` : "Nothing changed among what was measured"),
    ...(moved.length ? [longTable(moved, onOpen)] : []),
    ...(rest.length ? [heading("The rest")] : []),
    ...topics.map(([topic, members]) => fold(topic, members, onOpen)),
    ...(floors.length ? [fold("floors and candidates, which run no code of metaflow", floors, onOpen)] : []),
  );
}

function heading(text) {
  return element("h2", {}, text);
}

/** Return a table that begins with the first rows, and a button for the rest. */
function longTable(rows, onOpen) {
  if (rows.length <= FIRST_ROWS) return tableOf(rows, onOpen);
  const table = tableOf(rows.slice(0, FIRST_ROWS), onOpen);
  const show = () => {
    table.querySelector("tbody").append(...rows.slice(FIRST_ROWS).map((row) => caseRow(row, onOpen)));
    more.remove();
  };
  const more = element("button", { type: "button", onclick: show }, `Show ${rows.length - FIRST_ROWS} more`);
  return element("div", {}, table, more);
}

/** Return a fold whose table is made when it is opened. */
function fold(name, rows, onOpen) {
  const counts = d3.rollups(rows, (each) => each.length, (row) => row.verdict).map(([verdict, count]) => `${count} ${verdict}`);
  const made = element("details", {}, element("summary", {}, name, element("span", { class: "note" }, counts.join(", "))));
  made.addEventListener("toggle", () => made.children.length < 2 && made.append(tableOf(rows, onOpen)));
  return made;
}

function tableOf(rows, onOpen) {
  const columns = COLUMNS.map((label) => element("th", { scope: "col" }, label));
  return element("table", {}, element("thead", {}, element("tr", {}, ...columns)),
    element("tbody", {}, ...rows.map((row) => caseRow(row, onOpen))));
}

function caseRow(row, onOpen) {
  const { unit } = row.case;
  const small = (text) => text && element("small", {}, text);
  const cell = (name, ...children) => element("td", { class: name }, ...children);
  const open = element("button", { type: "button", "aria-expanded": "false", onclick: () => toggle(made, open, row, onOpen) }, humanName(row.case));
  const mark = element("span", { class: "sign", "aria-hidden": "true" }, SIGNS[row.verdict]);
  const made = element("tr", { "data-verdict": row.verdict, "data-case": row.case.name },
    element("th", { scope: "row", class: "case" }, open, small(row.case.name)),
    cell("before", valueText(row.before, unit), small(speedText(row, row.before))),
    cell("after", valueText(row.after, unit), small(speedText(row, row.after))),
    cell("ratio", ratioText(row), small(intervalText(row)), barOf(row)),
    cell("instructions", countRatioText(row.instructions)),
    cell("verdict", mark, " ", verdictText(row), small(noteText(row))),
  );
  return made;
}

/** Open or close what there is to know of a row, below it. */
function toggle(made, button, row, onOpen) {
  const isOpen = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!isOpen));
  if (isOpen) return made.nextElementSibling.remove();
  const cell = element("td", { colspan: COLUMNS.length });
  made.after(element("tr", { class: "detail" }, cell));
  onOpen(cell, row);
}

/** Return a bar from the middle: to the right for faster, to the left for slower; full at 100 times. */
function barOf(row) {
  if (!row.ratio || !hasMoved(row)) return "";
  const share = 25 * Math.min(2, Math.abs(Math.log10(row.ratio)));
  const left = row.ratio > 1 ? 50 : 50 - share;
  return element("span", { class: "bar", "aria-hidden": "true" }, element("i", { style: `left:${left}%;width:${share}%` }));
}

/** Return rows as comma-separated values, in asv's units, after a line that says what they are. */
function asCsv(rows, said) {
  const header = ["benchmark", "parameters", "unit", "before", "after", "ratio", "low", "high",
    "instructions", "verdict", "reason"];
  const lines = rows.map((row) => [
    row.case.benchmark.name, row.case.shown.join(", "), row.case.unit, row.before, row.after,
    row.ratio, row.evidence?.low, row.evidence?.high, row.instructions, row.verdict, row.reason,
  ]);
  return `# ${said}\n${d3.csvFormatRows([header, ...lines])}\n`;
}

/** Return a comparison as Markdown for a pull request: what moved, and the rest in a fold. */
function asMarkdown(rows, title, said) {
  const [moved, rest] = partedRows(rows);
  const [first, more] = [moved.slice(0, 10), moved.slice(10)];
  const folded = (name, members) => (members.length
    ? `\n<details><summary>${name}</summary>\n\n${markdownTable(members)}\n\n</details>\n` : "");
  const table = first.length ? markdownTable(first) : "Nothing changed among what was measured.";
  return `### ${title}\n\n${said}\n\n${table}\n${folded(`${more.length} more that changed`, more)}${folded(`${rest.length} others`, rest)}`;
}

function markdownTable(rows) {
  const lines = rows.map((row) => [
    row.case.name, valueText(row.before, row.case.unit), valueText(row.after, row.case.unit),
    ratioAndInterval(row), countRatioText(row.instructions), verdictLine(row),
  ]);
  const cells = [COLUMNS, COLUMNS.map(() => "---"), ...lines];
  return cells.map((line) => `| ${line.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`).join("\n");
}
