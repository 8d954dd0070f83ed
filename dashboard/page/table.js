// The table of cases: grouped by topic, searched, filtered, sorted and exported.
"use strict";

const COLUMNS = [
  { key: "case", label: "benchmark", of: (row) => row.case.name },
  { key: "before", label: "before", of: (row) => row.before },
  { key: "after", label: "after", of: (row) => row.after },
  { key: "ratio", label: "after / before", of: (row) => row.ratio },
  { key: "instructions", label: "instructions", of: (row) => row.instructions },
  { key: "verdict", label: "verdict", of: (row) => VERDICTS.indexOf(row.verdict) },
];

/** Make an element with attributes and children; text is never taken for HTML. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "onclick") made.addEventListener("click", value);
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Return the rows that are asked for, by topic, in the order that is asked for. */
function groupedRows(rows, { search, verdicts, sort, descending }) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = rows.filter(
    (row) =>
      verdicts.has(row.verdict) &&
      words.every((word) => row.case.name.toLowerCase().includes(word)),
  );
  const { of } = COLUMNS.find((column) => column.key === sort);
  const sign = descending ? -1 : 1;
  wanted.sort((one, other) => sign * compareValues(of(one), of(other)));
  const groups = new Map();
  for (const row of wanted) {
    if (!groups.has(row.case.topic)) groups.set(row.case.topic, []);
    groups.get(row.case.topic).push(row);
  }
  return [...groups].sort((one, other) => (one[0] < other[0] ? -1 : 1));
}

function compareValues(one, other) {
  const missing = [one, other].map((each) => each === null || each === undefined);
  if (missing[0] || missing[1]) return missing[0] - missing[1];
  if (typeof one === "string") return one.localeCompare(other, "en", { numeric: true });
  return one - other;
}

/** Return the address of a case's history in asv's own pages. */
function historyAddress(described) {
  const chosen = described.benchmark.parameter_names.map(
    (name, place) => `p-${encodeURIComponent(name)}=${encodeURIComponent(described.parameters[place])}`,
  );
  return `asv.html#${described.benchmark.name}${chosen.length ? `?${chosen.join("&")}` : ""}`;
}

/** Fill the table's body. */
function drawTable(table, comparison, choice, onSort) {
  const columns = COLUMNS.map((column) => {
    const chosen = column.key === choice.sort;
    const order = chosen ? (choice.descending ? "descending" : "ascending") : null;
    const button = element("button", { type: "button", onclick: () => onSort(column.key) }, column.label);
    return element("th", { scope: "col", role: "columnheader", "aria-sort": order, class: column.key }, button);
  });
  const focused = table.contains(document.activeElement) && document.activeElement.closest("thead th");
  const groups = groupedRows(comparison.rows, choice);
  const bodies = groups.map(([topic, rows]) =>
    element("tbody", { role: "rowgroup" }, topicRow(topic, rows), ...rows.map(caseRow)),
  );
  const nothing = element("tbody", { role: "rowgroup" }, element("tr", { role: "row" }, element("td", { role: "cell", colspan: COLUMNS.length },
    comparison.rows.length ? "No case is left: choose more verdicts, or search for less." :
      "Neither side was measured on this machine.")));
  table.replaceChildren(
    table.querySelector("caption"),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...columns)),
    ...(bodies.length ? bodies : [nothing]),
  );
  if (focused) table.querySelector(`thead th.${focused.className} button`).focus();
}

function topicRow(topic, rows) {
  const times = geometricMean(rows.filter((row) => isMeasured(row) && row.evidence));
  const counts = meanOfCounts(rows.filter(isMeasured));
  const means = [["times", times], ["instructions", counts]]
    .filter(([, mean]) => mean !== null)
    .map(([name, mean]) => `${name} ${digits(mean)}`);
  const said = means.length ? `geometric mean of ${means.join(", of ")}` : "";
  const heading = element("th", { scope: "rowgroup", role: "rowheader", colspan: COLUMNS.length },
    topic, element("span", { class: "note" }, `${rows.length} shown${said ? `; ${said}` : ""}`));
  return element("tr", { class: "topic", role: "row" }, heading);
}

/** Return the geometric mean of counts: of those among the rows, or else beside them. */
function meanOfCounts(rows) {
  const own = geometricMean(rows.filter((row) => row.case.unit === "instructions"));
  return own === null ? geometricMean(rows.map((row) => ({ ratio: row.instructions }))) : own;
}

function caseRow(row) {
  const link = element("a", { href: historyAddress(row.case) }, row.case.name);
  const note = noteText(row);
  const values = [row.before, row.after].map((value, place) =>
    element("td", { role: "cell", class: place ? "after" : "before" },
      valueText(value, row.case.unit), small(speedText(row, value))));
  const mark = element("span", { class: "sign", "aria-hidden": "true" }, SIGNS[row.verdict]);
  return element("tr", { role: "row", "data-verdict": row.verdict },
    element("th", { scope: "row", role: "rowheader", class: "case" }, link),
    ...values,
    element("td", { role: "cell", class: "ratio" }, ratioText(row), small(intervalText(row))),
    element("td", { role: "cell", class: "instructions" }, row.instructions ? countRatioText(row.instructions) : "–"),
    element("td", { role: "cell", class: "verdict" }, mark, " ", verdictText(row), small(note)),
  );
}

function small(text) {
  return text ? element("small", {}, text) : null;
}

function exportedRows(comparison, choice) {
  return groupedRows(comparison.rows, choice).flatMap(([, rows]) => rows);
}

/** Return the rows that are shown as comma-separated values (RFC 4180), in asv's units. */
function asCsv(comparison, choice) {
  const header = ["benchmark", "parameters", "unit", "before", "after", "ratio", "low", "high",
    "instructions", "verdict", "reason"];
  const lines = exportedRows(comparison, choice).map((row) => [
    row.case.benchmark.name, row.case.shown.join(", "), row.case.unit, row.before, row.after,
    row.ratio, row.evidence && row.evidence.low, row.evidence && row.evidence.high,
    row.instructions, verdictWord(row), row.reason,
  ]);
  const quoted = (cell) => {
    const text = cell === null || cell === undefined ? "" : String(cell);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [header, ...lines].map((line) => line.map(quoted).join(",")).join("\r\n") + "\r\n";
}

/** Return the rows that are shown as a table for a pull request. */
function asMarkdown(comparison, choice, names, said) {
  const lines = exportedRows(comparison, choice).map((row) => [
    row.case.name, valueText(row.before, row.case.unit), valueText(row.after, row.case.unit),
    [ratioText(row), intervalText(row) && `(${intervalText(row)})`].filter(Boolean).join(" "),
    row.instructions ? countRatioText(row.instructions) : "–", verdictText(row),
  ]);
  const cells = [COLUMNS.map((column) => column.label), COLUMNS.map(() => "---"), ...lines];
  const table = cells.map((line) => `| ${line.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`);
  return `### ${names.join(" → ")}\n\n${said}\n\n${table.join("\n")}\n`;
}
