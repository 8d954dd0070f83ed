"""Measure metaflow across its releases, and optimise any of them: the tool behind `mfbench`."""
