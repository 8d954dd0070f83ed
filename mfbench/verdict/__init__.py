"""From samples to intervals, verdicts and comparisons: the only place that judges."""
