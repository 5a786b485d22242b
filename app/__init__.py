"""Daybook: private journals in, a dated and grounded knowledge graph out, on the owner's own machine."""
