"""The published site: what it has besides asv's own pages."""
