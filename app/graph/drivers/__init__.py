"""Graph databases behind Graphiti's driver interface, each with its faults mended."""
