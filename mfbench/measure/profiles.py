"""How much a run measures. Which cases a profile holds is declared on the benchmarks."""

# Samples of each timed case: one per round, each from a process of its own. A profile also measures
# the cases of the profiles before it.
PROFILES = {
    # With 5, an import that was 20 ms slower went unseen; docs/sensitivity.md says what 15 see.
    "quick": 15,
    # With ten, half of all changes of 10% were seen; with 24, nearly all (docs/sensitivity.md).
    "default": 24,
    "thorough": 40,
}
# Cases that take gigabytes or many minutes. Only `mfbench run --large` measures them, and nothing
# else, in as many rounds as each declares.
LARGE = "large"
