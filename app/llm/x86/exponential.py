"""e^x made of products and sums, which `mx.compile` fuses into two loops that a C++ compiler vectorises.

e^x is (e^(x/32))^32: a polynomial and five squarings. Two functions and not one, since mx.compile takes no more than
eleven operations one upon another into a loop. In: |x| of 24 at most.  Out: e^x, to 2e-6 of itself.
"""

from typing import Any

import mlx.core as mx
import numpy as np
from numpy.polynomial import Chebyshev, Polynomial

FURTHEST = 24.0  # what lies beyond is taken as that: e^-24 beside 1 is nothing in float32
SQUARINGS = 5
SCALE = 0.5**SQUARINGS
NEAR = FURTHEST * SCALE
TERMS = [float(c) for c in Chebyshev.interpolate(np.exp, 7, domain=[-NEAR, NEAR]).convert(kind=Polynomial).coef]


def root(x: mx.array) -> mx.array:
    """e^x of the scaled x, by pairs of terms."""
    terms: list[Any] = list(TERMS)  # eight numbers, then four arrays, two, one
    while len(terms) > 1:
        terms = [low + high * x for low, high in zip(terms[::2], terms[1::2], strict=True)]
        x = x * x
    found: mx.array = terms[0]
    return found


def raised(root: mx.array) -> mx.array:
    for _ in range(SQUARINGS):
        root = root * root
    return root
