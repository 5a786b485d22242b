"""On Linux x86-64 put a fast BLAS into the process, before anything can load mlx.

Knows shared libraries; never wakes mlx. In: the installed `mkl` package, where there is one.  Out: PRELOADED.

`app/llm/__init__.py` imports this first, so that no order of imports can bring mlx in before it.
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


PRELOADED = sys.platform == "linux" and platform.machine() == "x86_64" and preload(find_mkl())
