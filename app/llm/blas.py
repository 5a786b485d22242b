"""The one door to mlx: on Linux x86-64 a fast BLAS goes into the process before mlx is loaded.

Knows shared libraries; knows no models.
In: the installed `mkl` package, where there is one.  Out: `mx`, and the name of what multiplies matrices.
"""

import ctypes
import importlib.metadata
import os
import platform
import sys
from pathlib import Path

# MLX's Linux wheel links netlib's reference BLAS: 4 GFLOP/s where MKL does 100, measured in float32 on one core.
MKL_DEFAULTS = {
    "MKL_INTERFACE_LAYER": "LP64",  # mlx passes 32-bit sizes
    "MKL_THREADING_LAYER": "SEQUENTIAL",  # two OpenMP runtimes in one process quarrel
    "MKL_CBWR": "AUTO,STRICT",  # the same bits from run to run; cost nothing where it was measured
}


def find_mkl() -> Path | None:
    """Where pip put MKL's run-time library, or None where the package is absent or incomplete."""
    try:
        files = importlib.metadata.files("mkl") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    libraries = (Path(str(file.locate())).resolve() for file in files if file.name.startswith("libmkl_rt.so"))
    return next((path for path in libraries if path.is_file()), None)


def preload(library: Path | None) -> bool:
    """Put `library` in front of mlx's own BLAS; False when it cannot be, and then mlx runs as it came.

    Symbols are bound when mlx's library is loaded, so after `import mlx.core` it is too late.
    """
    if library is None or "mlx.core" in sys.modules:
        return False
    for name, value in MKL_DEFAULTS.items():
        os.environ.setdefault(name, value)
    try:
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True


_PRELOADED = sys.platform == "linux" and platform.machine() == "x86_64" and preload(find_mkl())

import mlx.core as mx  # noqa: E402  after the preload, which is this module's reason to be


def serving() -> str:
    """What multiplies matrices here: "metal", "cuda", "mkl", "accelerate" or "reference"."""
    if mx.default_device() == mx.Device(mx.gpu):
        return "metal" if mx.metal.is_available() else "cuda"
    if sys.platform == "darwin":
        return "accelerate"
    return "mkl" if _PRELOADED else "reference"


def runs_on_cpu() -> bool:
    """True where only float32 is fast: quantised and 16-bit matrices never reach a CPU BLAS."""
    return mx.default_device() == mx.Device(mx.cpu)


__all__ = ["MKL_DEFAULTS", "find_mkl", "mx", "preload", "runs_on_cpu", "serving"]
