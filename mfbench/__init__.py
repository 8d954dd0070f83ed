"""Measure metaflow across its releases, and optimise any of them: the tool behind `mfbench`."""

# What to do where this Python lacks a package.
SET_UP = "run make setup, then: source .venv/bin/activate"
