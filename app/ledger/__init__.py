"""The truth: one SQLite file of what was read, asked and answered."""
