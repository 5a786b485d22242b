"""The one composition root: settings become models, a ledger and a graph, and a journal goes through them.

Knows every room; does the work of none. In: a request from a door.  Out: a report, or a DaybookError.
"""
