"""How much a run measures. Which cases a profile holds is declared on the benchmarks."""

# Samples of each timed case: one per round, each from a process of its own. A profile also measures
# the cases of the profiles before it.
PROFILES = {
    # With four, ranks could not tell a lone change from chance in a table of this length.
    "quick": 5,
    # With ten, half of all changes of 10% were seen; with 24, nearly all (docs/sensitivity.md).
    "default": 24,
    "thorough": 40,
}
