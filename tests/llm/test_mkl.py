"""Which BLAS multiplies."""

import subprocess
import sys

import pytest

from app.llm import mkl


def test_a_load_multiplies_with_the_fast_blas_whatever_is_imported_first() -> None:
    """No order of imports brings mlx in before MKL; the pipeline once did, and read its prompts ten times slower."""
    if sys.platform != "linux" or mkl.find_mkl() is None:
        pytest.skip("mkl is not installed, or this is no Linux on x86-64")
    code = "import app.pipeline.fill, app.pipeline.models; from app.llm.blas import serving; print(serving())"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout.strip() == "mkl"
