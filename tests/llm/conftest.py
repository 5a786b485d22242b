"""Models for the room's tests: a tiny one everywhere, the real Qwen3 tokenizer where its data is at hand."""

from pathlib import Path

import pytest

from app.llm.engine import Engine
from app.llm.loader import LoadedModel, load_generator
from tests.llm.tiny import CONTROL, MARKERS, QWEN_DATA, SHORT, TINY, build_model, build_qwen, build_tokenizer


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete model folder; its logits are padded beyond the tokenizer's length, as Qwen3's are."""
    folder = tmp_path_factory.mktemp("tiny")
    count = build_tokenizer(folder)
    eos = [count - len(MARKERS) - 1, count - len(MARKERS) - len(CONTROL)]
    build_model(folder, {**TINY, "vocab_size": (count // 64 + 1) * 64, "eos_token_id": eos})
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> LoadedModel:
    return load_generator(tiny_folder)


@pytest.fixture(scope="session")
def short_engine(tiny: LoadedModel) -> Engine:
    """Answers that stay small, so that many can be asked for."""
    return Engine(tiny, bounds=SHORT)


@pytest.fixture(scope="session")
def plain_engine(tiny: LoadedModel) -> Engine:
    """The reference: one token a pass, nothing reused."""
    return Engine(tiny, bounds=SHORT, fast_forward=False, guesses=0, prefix_bytes=0)


@pytest.fixture(scope="session")
def qwen_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Qwen3's real tokenizer with a tiny random-weight model; skipped where the tokenizer's data is not at hand."""
    if not QWEN_DATA.is_dir():
        pytest.skip(f"the real Qwen3 tokenizer is not at {QWEN_DATA}")
    return build_qwen(tmp_path_factory.mktemp("qwen"))


@pytest.fixture(scope="session")
def qwen(qwen_folder: Path) -> LoadedModel:
    return load_generator(qwen_folder)
