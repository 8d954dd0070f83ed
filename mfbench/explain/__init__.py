"""Finding out why: imports, bisection, the machine; and proof that the verdicts are right."""
