"""The laws of reuse: what is kept changes the work and never the answer, stays in its budget, and is what it says."""

import dataclasses
import stat
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from mlx_lm.models.cache import make_prompt_cache

from app.budget.reading import Reading
from app.llm import decode
from app.llm.blas import mx
from app.llm.engine import Engine
from app.llm.kv_files import forget_kept
from app.llm.loader import LoadedModel, load_generator
from app.llm.mlx_thread import CancelToken, run_mlx
from app.llm.prefix_cache import BLOCK, Prefix, PrefixCache
from app.llm.request import Completion, Request, Turn
from tests.llm.tiny import SHORT, TINY, build_model, build_tokenizer

RULES = Turn("system", "Find who is named. Answer in JSON. " * 4)
LONG = "Marie met Mr. Pepys at the harbour and went to Ghent. " * 40
NAMES = {"type": "array", "items": {"enum": ["Marie", "Pepys", "Ghent"]}, "maxItems": 3}


def ask(text: str, *, is_template: bool = False, salt: str = "") -> Request:
    return Request(messages=[RULES, Turn("user", text)], output_type=NAMES, is_template=is_template, salt=salt)


@pytest.fixture(scope="module")
def quantised(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A model with heads wide enough for a quantised cache, used for all but the shortest prompts."""
    folder = tmp_path_factory.mktemp("wide")
    build_model(folder, {**TINY, "head_dim": 32, "vocab_size": (build_tokenizer(folder) // 64 + 1) * 64})
    return load_generator(folder, reading=Reading(kv_bits=8, kv_group_size=32, quantized_kv_start=300))


@pytest.mark.parametrize("bits", [False, True])
def test_a_long_prompt_with_another_last_line_reads_its_end_only(
    tiny: LoadedModel, quantised: LoadedModel, bits: bool, tmp_path: Path
) -> None:
    """Whole blocks of 256 tokens are found again, in memory or after a restart, and the answer is the cold one."""
    loaded = quantised if bits else tiny
    engine, cold = Engine(loaded, kv_folder=tmp_path, blocks_on_disk=True), Engine(loaded, prefix_bytes=0)
    engine.complete(ask(LONG + "Who?"))
    restarted = Engine(loaded, kv_folder=tmp_path, blocks_on_disk=True)
    for warm in (engine, restarted):
        completion, plain = (one.complete(ask(LONG + "And when?")) for one in (warm, cold))
        assert completion.cached_tokens % BLOCK == 0
        assert 0 < completion.prompt_tokens - completion.cached_tokens <= BLOCK + 10
        assert (completion.token_ids, plain.cached_tokens) == (plain.token_ids, 0)


def test_the_next_token_is_the_same_with_and_without_reuse(tiny: LoadedModel) -> None:
    """Logits behind a kept template, kept blocks or a part of the last prompt agree with a cold read to rounding."""
    first = [3 + place * 7 % 900 for place in range(1000)]
    second = [*first[:210], *(3 + place * 11 % 900 for place in range(790))]

    def last_logits(kept: PrefixCache | None, ids: list[int]) -> tuple[int, Sequence[float]]:
        prefix = Prefix(make_prompt_cache(tiny.model), 0)
        if kept is not None:
            prefix = kept.continued(kept.template(ids[:200]) or prefix, ids, "")
        found = prefix.length
        if found == 0:
            decode.read(tiny, prefix, ids[:200], CancelToken())
            if kept is not None:
                kept.keep_template(ids[:200], prefix)
        decode.read(tiny, prefix, ids[:-1], CancelToken())
        logits = np.array(tiny.model(mx.array([ids[-1:]]), cache=prefix.layers)[0, -1])
        if kept is not None:
            kept.keep_blocks(prefix, ids, "", 200)
        return found, [float(value) for value in logits]

    kept, lengths = PrefixCache(tiny), []
    for ids in (first, second, first, first):
        found, logits = run_mlx(last_logits, kept, ids)
        lengths.append(found)
        assert logits == pytest.approx(run_mlx(last_logits, None, ids)[1], abs=1e-4)
    assert lengths == [0, 210, 200 + 3 * BLOCK, 999]  # cold; like the last one; blocks of the one before; the same


def test_prompts_of_a_template_share_what_they_begin_with(tiny: LoadedModel) -> None:
    """Also less than a block; under another salt only the rules are shared."""
    engine, cold = Engine(tiny), Engine(tiny, prefix_bytes=0)
    text = "Marie met Mr. Pepys at the harbour."
    fixed = engine.prepare(ask(text)).prompt.fixed_length
    engine.complete(ask(f"{text} Who?", is_template=True))
    warm = engine.complete(ask(f"{text} And when?", is_template=True))
    assert warm.cached_tokens > fixed + 5
    assert warm.token_ids == cold.complete(ask(f"{text} And when?", is_template=True)).token_ids
    assert engine.complete(ask(f"{text} And when?", is_template=True, salt="b")).cached_tokens == fixed


def test_a_template_is_read_once_also_after_a_restart(tiny: LoadedModel, tmp_path: Path) -> None:
    """The fixed part of a kept template costs no prefill, and the usage tells; other prompts leave no file."""
    first = Engine(tiny, kv_folder=tmp_path / "kv").complete(ask("one", is_template=True))
    again = Engine(tiny, kv_folder=tmp_path / "kv")
    second = again.complete(ask("two", is_template=True))
    assert first.cached_tokens == 0
    assert second.cached_tokens == again.prepare(ask("two")).prompt.fixed_length > 0
    again.complete(ask(LONG))
    (kept,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert {
        stat.S_IMODE(path.stat().st_mode) for path in kept.parents if path.is_relative_to(tmp_path / "x" / "..")
    } <= {0o700}
    assert kept.parent.name == "templates"
    forget_kept(tmp_path / "kv")
    assert not (tmp_path / "kv").exists()
    assert Engine(tiny, kv_folder=tmp_path / "kv").complete(ask("two", is_template=True)).token_ids == second.token_ids


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "rename", "foreign"])
def test_a_damaged_or_foreign_file_is_noticed_and_made_again(tiny: LoadedModel, tmp_path: Path, harm: str) -> None:
    """Whatever happened to the file: the answer is right, and the next run finds a good file."""
    wanted = Engine(tiny, kv_folder=tmp_path).complete(ask("one", is_template=True))
    (path,) = tmp_path.rglob("*.safetensors")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if harm == "rename":  # another template's state under this name
        Engine(tiny, kv_folder=tmp_path).complete(
            dataclasses.replace(ask("one", is_template=True), messages=[Turn("system", "Other rules. " * 9), RULES])
        )
        (other,) = set(tmp_path.rglob("*.safetensors")) - {path}
        path.unlink()
        other.rename(other.with_name(f"{path.name.split('-')[0]}-{other.name.split('-')[1]}"))
    elif harm == "foreign":
        path.write_bytes(b"not a tensor")
    else:
        path.write_bytes({"flip": bytes(content), "cut": bytes(content[:-9]), "empty": b""}[harm])
    healed = Engine(tiny, kv_folder=tmp_path).complete(ask("one", is_template=True))
    assert (healed.token_ids, healed.cached_tokens) == (wanted.token_ids, 0)
    assert Engine(tiny, kv_folder=tmp_path).complete(ask("one", is_template=True)).cached_tokens > 0


def test_a_disk_that_cannot_be_written_costs_nothing_but_time(tiny: LoadedModel, tmp_path: Path) -> None:
    """The answer comes all the same."""
    (tmp_path / "kv").write_text("a file where the folder should be")
    assert Engine(tiny, kv_folder=tmp_path / "kv").complete(ask("one", is_template=True)).text


def test_no_salt_is_served_another_s_blocks(tiny: LoadedModel) -> None:
    """The same text under another salt is read from the start; under its own it is found."""
    engine = Engine(tiny)
    found = [engine.complete(ask(LONG, salt=salt)).cached_tokens for salt in ("a", "b", "a", "b", "")]
    assert [cached > 0 for cached in found] == [False, False, True, True, False]


def test_kept_bytes_stay_within_the_budget(tiny: LoadedModel, tmp_path: Path) -> None:
    """In memory and on disk, however many prompts come; the least recently used goes first, blocks before templates."""
    probe = Engine(tiny)
    probe.complete(ask(LONG, is_template=True))
    most = 2 * probe._prefixes.nbytes
    engine = Engine(tiny, bounds=SHORT, prefix_bytes=most, kv_folder=tmp_path, disk_bytes=most, blocks_on_disk=True)
    answers: list[Completion] = []
    for number in range(12):
        answers.append(engine.complete(ask(f"{number}. {LONG}", is_template=True)))
        assert 0 < engine._prefixes.nbytes <= most
        assert sum(path.stat().st_size for path in (tmp_path / "blocks").iterdir()) <= most
    assert all(answer.cached_tokens > 0 for answer in answers[1:])  # the template outlives the blocks
    engine.forget_prefixes()
    assert engine._prefixes.nbytes == 0
