"""Entries written and labelled by hand, and the rules they keep."""
