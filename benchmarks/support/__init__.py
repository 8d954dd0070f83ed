"""Helpers that several benchmark modules share."""
