"""Running asv and pyperf: base, head and control, interleaved."""
