"""What was measured: the only reader of results/."""
