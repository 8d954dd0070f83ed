"""What the metadata service keeps: tables in SQLite, as the real service's are in PostgreSQL."""

import json
import sqlite3
import threading
import time

STEP_KEY = "flow_id TEXT, run_number INTEGER, run_id TEXT, step_name TEXT"
TASK_KEY = f"{STEP_KEY}, task_id INTEGER, task_name TEXT"
COMMON = "user_name TEXT, ts_epoch INTEGER, tags TEXT, system_tags TEXT"
TABLES = f"""
PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS flows (flow_id TEXT PRIMARY KEY, {COMMON});
CREATE TABLE IF NOT EXISTS runs (run_number INTEGER PRIMARY KEY, flow_id TEXT, run_id TEXT,
    last_heartbeat_ts INTEGER, {COMMON}, UNIQUE (flow_id, run_id));
CREATE TABLE IF NOT EXISTS steps ({STEP_KEY}, {COMMON},
    PRIMARY KEY (flow_id, run_number, step_name));
CREATE TABLE IF NOT EXISTS tasks (task_id INTEGER PRIMARY KEY, task_name TEXT, {STEP_KEY},
    last_heartbeat_ts INTEGER, {COMMON}, UNIQUE (flow_id, run_number, step_name, task_name));
CREATE TABLE IF NOT EXISTS metadata (id INTEGER PRIMARY KEY, {TASK_KEY},
    field_name TEXT NOT NULL, value TEXT NOT NULL, type TEXT NOT NULL, {COMMON});
CREATE INDEX IF NOT EXISTS metadata_of ON metadata (flow_id, run_number, step_name, task_id);
CREATE TABLE IF NOT EXISTS artifacts ({TASK_KEY}, name TEXT, location TEXT, ds_type TEXT, sha TEXT,
    type TEXT, content_type TEXT, attempt_id INTEGER, {COMMON},
    PRIMARY KEY (flow_id, run_number, step_name, task_id, attempt_id, name));
"""
KEY = ("flow_id", "run_number", "run_id", "step_name", "task_id", "task_name")
ORDER = {"metadata": "ts_epoch DESC, id DESC", "artifacts": "attempt_id DESC, rowid"}

lock = threading.Lock()
database = None


def open_database(path):
    """Open the tables, or make them."""
    global database
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.row_factory = sqlite3.Row
    database.executescript(TABLES)


def execute(statement, values=()):
    """Run one statement; return its rows."""
    with lock:
        rows = [dict(row) for row in database.execute(statement, tuple(values))]
    for row in rows:
        row.update({key: json.loads(row[key]) for key in row if key.endswith("tags")})
    return rows


def condition(run=None, task=None, **columns):
    """Return a condition for what a path names, by number or by name, and its values."""
    if run is not None:
        columns["run_number" if run.isnumeric() else "run_id"] = run
    if task is not None:
        columns["task_id" if task.isnumeric() else "task_name"] = task
    return " AND ".join(f"{name} = ?" for name in columns) or "1", list(columns.values())


def select(table, **path):
    """Return the rows of a table below a path."""
    where, values = condition(**path)
    order = ORDER.get(table, "rowid")
    return execute(f"SELECT * FROM {table} WHERE {where} ORDER BY {order}", values)


def insert(table, given, **columns):
    """Insert a row; return it."""
    columns |= {"user_name": given.get("user_name"), "ts_epoch": round(1000 * time.time())}
    columns |= {name: json.dumps(given.get(name)) for name in ("tags", "system_tags")}
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    for name, value in columns.items():
        if isinstance(value, list):  # as PostgreSQL makes text of it
            columns[name] = "{" + ",".join(value) + "}"
    values = columns.values()
    return execute(f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING *", values)[0]


def update(table, column, value, path, unless="0"):
    """Set a column of what is at a path, unless a condition holds; tell whether that was done."""
    where, values = condition(**path)
    statement = f"UPDATE {table} SET {column} = ? WHERE {where} AND NOT ({unless}) RETURNING 1"
    return bool(execute(statement, (value, *values)))


def key_of(table, **path):
    """Return the columns by which what is below a run or a task belongs to it."""
    row = select(table, **path)[0]
    return {name: row[name] for name in KEY if name in row}


def shown(table, rows):
    """Return rows as clients see them: one name for run and task, and the tags of the run."""
    if rows and table in ("steps", "tasks", "artifacts"):
        run = select("runs", flow_id=rows[0]["flow_id"], run=str(rows[0]["run_number"]))[0]
        rows = [row | {name: run[name] for name in ("tags", "system_tags")} for row in rows]
    for row in rows:
        if table == "runs" and f"user:{row['user_name']}" in (row["system_tags"] or ()):
            row["user"] = row["user_name"]
        if table == "steps":
            row["run_number"] = str(row["run_number"])
        for number, name in ("run_number", "run_id"), ("task_id", "task_name"):
            text = row.pop(name, None)
            row.update({} if text is None else {number: text})
    return rows
