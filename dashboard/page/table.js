// The table of cases: grouped by topic, searched, filtered, sorted and exported.
"use strict";

const COLUMNS = [
  { key: "case", label: "case", of: (row) => row.case.name },
  { key: "before", label: "before", of: (row) => row.before },
  { key: "after", label: "after", of: (row) => row.after },
  { key: "ratio", label: "before / after", of: (row) => row.ratio },
  { key: "instructions", label: "instructions", of: (row) => row.instructions },
  { key: "verdict", label: "verdict", of: (row) => (row.verdict === "slower" ? -1 : VERDICTS.indexOf(row.verdict)) },
];

/** Make an element with attributes and children; text is never taken for HTML. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "onclick") made.addEventListener("click", value);
    else if (value !== null && value !== false) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Return the rows that match the choice, sorted, by topic. */
function groupedRows(rows, { search, verdicts, sort, descending }) {
  const words = search.toLowerCase().split(/\s+/);
  const wanted = rows.filter(
    (row) =>
      verdicts.has(row.verdict) &&
      words.every((word) => row.case.name.toLowerCase().includes(word)),
  );
  const { of } = COLUMNS.find((column) => column.key === sort);
  const compare = (one, other) =>
    typeof one === "string" ? one.localeCompare(other, "en", { numeric: true }) : d3.ascending(one, other);
  // d3 puts what is missing last, in both directions.
  const sorted = d3.sort(wanted, (one, other) => (descending ? -1 : 1) * compare(of(one), of(other)));
  return d3.sort(d3.groups(sorted, (row) => row.case.topic), ([topic]) => topic);
}

/** Return the address of a case's history in asv's own pages. */
function historyAddress(described) {
  const chosen = described.benchmark.parameter_names.map(
    (name, place) => `p-${encodeURIComponent(name)}=${encodeURIComponent(described.parameters[place])}`,
  );
  return `asv.html#${described.benchmark.name}${chosen.length ? `?${chosen.join("&")}` : ""}`;
}

/** Draw the table; `onSort` gets the key of the column that a person clicks. */
function drawTable(table, groups, choice, whyEmpty, onSort) {
  const columns = COLUMNS.map(({ key, label }) => {
    const order = key === choice.sort ? (choice.descending ? "descending" : "ascending") : null;
    const button = element("button", { type: "button", onclick: () => onSort(key) }, label);
    return element("th", { scope: "col", role: "columnheader", "aria-sort": order, class: key }, button);
  });
  const focused = table.contains(document.activeElement) && document.activeElement.closest("thead th");
  const bodies = groups.map(([topic, rows]) =>
    element("tbody", { role: "rowgroup" }, topicRow(topic, rows), ...rows.map(caseRow)),
  );
  const empty = element("tbody", { role: "rowgroup" }, element("tr", { role: "row" },
    element("td", { role: "cell", colspan: COLUMNS.length }, whyEmpty)));
  table.replaceChildren(
    table.querySelector("caption"),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...columns)),
    ...(bodies.length ? bodies : [empty]),
  );
  if (focused) table.querySelector(`thead th.${focused.className} button`).focus();
}

function topicRow(topic, rows) {
  const means = Object.entries(meansOf(rows))
    .filter(([, mean]) => mean !== null)
    .map(([name, mean]) => `${name} ${digits(mean)}`);
  const said = means.length ? `; geometric mean: ${means.join(", ")}` : "";
  const heading = element("th", { scope: "rowgroup", role: "rowheader", colspan: COLUMNS.length },
    topic, element("span", { class: "note" }, `${rows.length} shown${said}`));
  return element("tr", { class: "topic", role: "row" }, heading);
}

function caseRow(row) {
  const { unit } = row.case;
  const small = (text) => text && element("small", {}, text);
  const cell = (name, ...children) => element("td", { role: "cell", class: name }, ...children);
  const link = element("a", { href: historyAddress(row.case) }, row.case.name);
  const mark = element("span", { class: "sign", "aria-hidden": "true" }, SIGNS[row.verdict]);
  return element("tr", { role: "row", "data-verdict": row.verdict },
    element("th", { scope: "row", role: "rowheader", class: "case" }, link),
    cell("before", valueText(row.before, unit), small(speedText(row, row.before))),
    cell("after", valueText(row.after, unit), small(speedText(row, row.after))),
    cell("ratio", ratioText(row), small(intervalText(row))),
    cell("instructions", countRatioText(row.instructions)),
    cell("verdict", mark, " ", verdictText(row), small(noteText(row))),
  );
}

/** Return rows as comma-separated values, in asv's units. */
function asCsv(rows) {
  const header = ["benchmark", "parameters", "unit", "before", "after", "ratio", "low", "high",
    "instructions", "verdict", "reason"];
  const lines = rows.map((row) => [
    row.case.benchmark.name, row.case.shown.join(", "), row.case.unit, row.before, row.after,
    row.ratio, row.evidence?.low, row.evidence?.high, row.instructions, row.verdict, row.reason,
  ]);
  return `${d3.csvFormatRows([header, ...lines])}\n`;
}

/** Return rows as a table for a pull request. */
function asMarkdown(rows, names, said) {
  const lines = rows.map((row) => [
    row.case.name, valueText(row.before, row.case.unit), valueText(row.after, row.case.unit),
    ratioAndInterval(row), countRatioText(row.instructions), verdictLine(row),
  ]);
  const cells = [COLUMNS.map((column) => column.label), COLUMNS.map(() => "---"), ...lines];
  const table = cells.map((line) => `| ${line.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`);
  return `### ${names}\n\n${said}\n\n${table.join("\n")}\n`;
}
