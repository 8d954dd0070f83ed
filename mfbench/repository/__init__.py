"""The repository under test: released sdists as commits, the optimisation series on top."""
