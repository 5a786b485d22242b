"""The one door to mlx: `mx`, and the name of what multiplies its matrices.

Knows devices; knows no models. In: what app.llm.mkl put into the process.  Out: `mx`, `serving()`.
"""

import platform
import sys

import mlx.core as mx

from app.llm import x86
from app.llm.mkl import MKL_DEFAULTS, PRELOADED, find_mkl, preload


def serving() -> str:
    """What multiplies matrices here: "metal", "cuda", "mkl", "accelerate" or "reference"."""
    if mx.default_device() == mx.Device(mx.gpu):
        return "metal" if mx.metal.is_available() else "cuda"
    if sys.platform == "darwin":
        return "accelerate"
    return "mkl" if PRELOADED else "reference"


def runs_on_cpu() -> bool:
    """True where only float32 is fast: quantised and 16-bit matrices never reach a CPU BLAS."""
    return mx.default_device() == mx.Device(mx.cpu)


if runs_on_cpu() and platform.machine() == "x86_64":  # elsewhere MLX's own kernels are written for the vector unit
    x86.install()

__all__ = ["MKL_DEFAULTS", "find_mkl", "mx", "preload", "runs_on_cpu", "serving"]
