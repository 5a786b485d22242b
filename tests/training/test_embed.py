"""The bundled embedder, and the code that made it: what is promised of texts, tokens, vectors and figures."""

import math
import random
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.llm.embedder import QUERY_INSTRUCTION, QwenEmbedder
from app.llm.loader import LoadedModel, load_embedder
from training.embed import texts
from training.made.journal import make_journal

FOLDER = Path(__file__).parents[2] / "models" / "daybook-nano-embed"
MOST_BYTES = 12_000_000
NEAR = [
    ("Clara Weiss works at Siemens.", "Clara Weiss has a job at Siemens.", "Rain all day."),
    ("Where does Clara Weiss work?", "Clara Weiss works at Siemens.", "Karl bought a horse."),
    ("My brother is ill with pneumonia.", "He has been in bed with a bad lung.", "We sold the piano."),
    ("Mrs. Weiss", "Clara Weiss", "Café Sperl"),
    ("Father died on Sunday.", "We buried my father today.", "I am learning Italian."),
]


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return load_embedder(FOLDER)


@pytest.fixture(scope="module")
def ids_of(loaded: LoadedModel) -> Any:
    return lambda text: loaded.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)


def test_the_folder_is_small_and_its_model_speaks_for_itself(loaded: LoadedModel) -> None:
    """At most 12 MB; 512 positions; tied embeddings; no id without a text."""
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= MOST_BYTES
    assert loaded.max_context_tokens == 512
    assert loaded.config["tie_word_embeddings"] is True
    assert loaded.token_count == loaded.config["vocab_size"] == len(loaded.tokenizer)


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60))
def test_every_text_has_tokens_and_none_of_them_controls(ids_of: Any, text: str) -> None:
    """Ids of plain text lie inside the vocabulary and above the three control tokens; no letter is lost."""
    ids = ids_of(text)
    assert all(2 < i < 12_288 for i in ids)
    assert ids or not any(c.isalnum() for c in text)


def test_control_tokens_in_a_text_are_characters(ids_of: Any) -> None:
    """`<|im_end|>` written in a diary does not end anything."""
    assert len(ids_of("<|im_end|>")) > 1
    assert not {0, 1, 2} & set(ids_of("<|endoftext|><|im_start|><|im_end|>"))


@pytest.mark.parametrize(("a", "b"), [("Café Sperl", "CAFE  sperl\n"), ("Ångström", "angstrom"), ("Ё", "е")])
def test_capitals_accents_and_white_space_mean_nothing(ids_of: Any, a: str, b: str) -> None:
    """As for the teacher: the same tokens, hence the same vector."""
    assert ids_of(a) == ids_of(b)


def test_texts_that_belong_together_are_nearer(loaded: LoadedModel) -> None:
    """At 256, 128 and 64 components the related text is nearer than the other one."""
    for dim in (256, 128, 64):
        embedder = QwenEmbedder(loaded, dim)
        for text, related, other in NEAR:
            here, near, far = embedder.embed([text, related, other])
            assert _cosine(here, near) > _cosine(here, far) + 0.1, (dim, text)


async def test_a_question_keeps_its_meaning_under_an_instruction(loaded: LoadedModel) -> None:
    """What programs write before a query for Qwen3-Embedding, Daybook's own too, was part of the training."""
    assert any(QUERY_INSTRUCTION in line for line in texts.INSTRUCTIONS)
    embedder = QwenEmbedder(loaded, 256)
    asked = await embedder.embed_query("Where does Clara Weiss work?")
    bare, other = embedder.embed(["Where does Clara Weiss work?", "Karl bought a horse."])
    assert _cosine(asked, bare) > 0.8 > _cosine(asked, other)


def test_mlx_and_torch_agree(loaded: LoadedModel) -> None:
    """The same bf16 weights as float32 give the same vectors within 1e-4, alone in mlx and padded in torch."""
    pytest.importorskip("torch", reason="the training dependencies are not installed")
    from training.embed.export import load_student
    from training.embed.student import embed

    some = [text for triple in NEAR for text in triple] + ["", "x", "a long walk " * 60]
    model, tokenizer = load_student(FOLDER)
    ours = embed(model, tokenizer, some).tolist()
    for text, a, b in zip(some, ours, QwenEmbedder(loaded, 256).embed(some), strict=True):
        assert max(abs(x - y) for x, y in zip(a, b, strict=True)) < 1e-4, text


def test_a_perfect_student_has_no_loss() -> None:
    """Both distances vanish for the teacher where the projection keeps all directions; not for its opposite."""
    torch = pytest.importorskip("torch", reason="the training dependencies are not installed")
    from training.embed.teacher import Projection
    from training.embed.train import distances

    generator = torch.Generator().manual_seed(0)
    low = torch.nn.functional.normalize(torch.randn(50, 40, generator=generator), dim=-1)
    teacher = torch.nn.functional.pad(low, (0, 384 - 40))
    projected = Projection.fitted(teacher, 256)(teacher)
    apart, pairs = distances(projected, teacher, projected)
    assert apart.abs().max() < 1e-5
    assert pairs.max() < 1e-5  # 40 directions fit in 64 components
    apart, pairs = distances(-projected, teacher, projected)
    assert (apart > 1.9).all()


def test_spearman_is_the_correlation_of_ranks() -> None:
    """Done by hand: ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4 give 4.5 / sqrt(4.5 * 5)."""
    torch = pytest.importorskip("torch", reason="the training dependencies are not installed")
    from training.embed.evaluate import spearman

    a, b = torch.tensor([0.1, 0.5, 0.5, 9.0]), torch.tensor([-3.0, 0.0, 1.0, 2.0])
    assert spearman(a, b) == pytest.approx(4.5 / math.sqrt(4.5 * 5))
    assert spearman(a, -a) == pytest.approx(-1)


def test_pairs_of_a_journal_come_from_the_journal() -> None:
    """Every first text of a pair is a fact, a name or a question of it; the same seed gives the same pairs."""
    journal = make_journal(3)
    pairs = texts.journal_pairs(journal, random.Random(1))
    said = {fact.fact for entry in journal.entries for fact in entry.facts}
    said |= {entity.name for entry in journal.entries for entity in entry.entities}
    said |= {question.question for question in journal.questions}
    assert {pair.a for pair in pairs} <= said
    assert pairs == texts.journal_pairs(make_journal(3), random.Random(1))


def test_everyday_facts_leave_no_slot_open() -> None:
    """A wrong slot name in everyday.txt is an error, and no brace or bracket reaches a text."""
    groups = list(texts.everyday_groups(7, 400))
    assert all(len(group) > 3 for group in groups)
    assert not any(set("{}[]|~") & set(text) for group in groups for text in group)


def test_no_diary_entry_is_both_read_and_measured(tmp_path: Path) -> None:
    """The entries of the two parts are disjoint and together all; about one in ten is held out."""
    ids = [f"day-{i}" for i in range(300)]
    lines = [f'{{"id": "{i}", "text": "This is what happened on {i} at home."}}\n' for i in ids]
    (tmp_path / "barbellion_1903-1912.jsonl").write_text("".join(lines))
    read, kept = ([group[0] for group in texts.diary_groups(tmp_path, held_out=part)] for part in (False, True))
    assert not set(read) & set(kept)
    assert len(read) + len(kept) == 300
    assert len(kept) == sum(zlib.crc32(i.encode()) % 100 < 10 for i in ids)


def _cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))
