"""What completes asv's site."""
