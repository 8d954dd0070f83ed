"""The tools of the project; each runs as ``python -m scripts.NAME``."""
