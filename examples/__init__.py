"""Daybook from Python: each file runs as it stands and does one thing."""
