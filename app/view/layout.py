"""Where each entity of a graph is drawn: a force-directed layout, computed before the page is written.

Knows numbers only. In: how many nodes, and weighted edges between them.  Out: positions in the unit disc; the same
graph is always drawn the same way.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]  # (nodes, 2)

_STEPS = 120
_PUSHING = 200  # nodes whose push is counted at each step; of a larger graph a new sample every time


def positions(nodes: int, edges: Mapping[tuple[int, int], float]) -> Points:
    """Fruchterman and Reingold's forces, each step vectorised.

    edges    weight by (node, node); a pair without an edge only pushes
    returns  (nodes, 2) float32 within the unit disc
    source   Fruchterman, Reingold: Graph Drawing by Force-directed Placement, 1991; the push of a sample stands for
             that of all in larger graphs
    """
    if nodes < 2:
        return np.zeros((nodes, 2), np.float32)
    random = np.random.default_rng(20121)
    at = _sunflower(nodes)
    ends = np.array([pair for pair in edges if pair[0] != pair[1]], np.int64).reshape(-1, 2)
    weight = np.array([w for (a, b), w in edges.items() if a != b], np.float32)
    # Hubs would otherwise draw all their neighbours into one point.
    degree = np.bincount(ends.ravel(), np.repeat(weight, 2), minlength=nodes).astype(np.float32)
    pull = weight / np.sqrt(np.maximum(1.0, np.minimum(degree[ends[:, 0]], degree[ends[:, 1]])))
    apart = np.float32(1 / np.sqrt(nodes))  # the distance at which push and pull of one edge are equal
    for step in range(_STEPS):
        sample = np.arange(nodes) if nodes <= _PUSHING else random.choice(nodes, _PUSHING, replace=False)
        move = _push(at, at[sample], apart) * (nodes / len(sample))
        along = at[ends[:, 1]] - at[ends[:, 0]]
        drawn = along * (np.linalg.norm(along, axis=1) * pull / apart)[:, None]
        for axis in (0, 1):
            move[:, axis] += np.bincount(ends[:, 0], drawn[:, axis], nodes) - np.bincount(
                ends[:, 1], drawn[:, axis], nodes
            )
        move -= at * (0.6 * apart * nodes**0.5)  # towards the middle, so that islands stay in sight
        length = np.linalg.norm(move, axis=1, keepdims=True)
        heat = 0.12 * (1 - step / _STEPS) ** 1.5 + 0.0005
        at = (at + move / np.maximum(length, 1e-9) * np.minimum(length, heat)).astype(np.float32)
    return _in_unit_disc(at)


def _push(at: Points, others: Points, apart: np.float32) -> Points:
    """Sum over others of apart**2 / distance, away from each; two matrix products instead of all differences."""
    squared = (at**2).sum(1)[:, None] + (others**2).sum(1)[None, :] - 2 * (at @ others.T)
    np.maximum(squared, 1e-7, out=squared)
    np.divide(apart * apart, squared, out=squared)
    pushed: Points = (at * squared.sum(1, keepdims=True) - squared @ others).astype(np.float32)
    return pushed


def _sunflower(nodes: int) -> Points:
    """Evenly spread starting places, without chance."""
    index = np.arange(nodes, dtype=np.float32)
    radius, angle = np.sqrt((index + 0.5) / nodes), index * np.float32(2.399963)  # the golden angle, in radians
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).astype(np.float32)


def _in_unit_disc(at: Points) -> Points:
    """Centred; each keeps its direction and its rank of distance: no crowd in the middle, no far island."""
    at = at - np.median(at, axis=0).astype(np.float32)
    radius = np.linalg.norm(at, axis=1)
    rank = np.empty(len(at), np.float32)
    rank[np.argsort(radius, kind="stable")] = np.arange(len(at), dtype=np.float32)
    even = np.sqrt((rank + 0.5) / len(at))  # where the disc would be filled evenly
    kept = np.minimum(radius / max(float(np.quantile(radius, 0.95)), 1e-9), 1)
    spread = 0.65 * even + 0.35 * kept
    drawn: Points = (at / np.maximum(radius, 1e-9)[:, None] * spread[:, None]).astype(np.float32)
    return drawn
