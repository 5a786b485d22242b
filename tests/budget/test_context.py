"""Settings, sizes and the first rung of the ladder: what a person chooses reaches the model, and nothing is cut."""

import logging
from pathlib import Path

import pytest

from app.budget.memory import MIB, Memory, system_memory
from app.budget.reading import Reading
from app.errors import BadInput
from app.llm.loader import LoadedModel, load_generator
from app.llm.room import budget_for
from app.pipeline import model_table, sizes
from app.pipeline.ladder import climb
from app.pipeline.onboard import check_cache, climb_ladder, open_for_check
from app.settings import BUNDLED_MODEL, read_settings


@pytest.fixture(scope="module")
def nano() -> LoadedModel:
    return load_generator(BUNDLED_MODEL)


def test_the_presets_are_ceilings_and_an_own_number_lowers_them() -> None:
    """conservative 8K, balanced 16K, maximum no opinion; the lower of preset and number counts."""
    presets = ("conservative", "balanced", "maximum")
    assert [read_settings(MLX_CONTEXT_PRESET=name).max_context_tokens for name in presets] == [8192, 16_384, None]
    assert read_settings(MLX_CONTEXT_PRESET="balanced", MLX_MAX_CONTEXT_TOKENS=4096).max_context_tokens == 4096
    assert read_settings(MLX_CONTEXT_PRESET="conservative", MLX_MAX_CONTEXT_TOKENS=9999).max_context_tokens == 8192


@pytest.mark.parametrize(
    ("name", "value"),
    [("MLX_KV_BITS", "3"), ("MLX_KV_GROUP_SIZE", "48"), ("MLX_PREFILL_STEP_SIZE", "500"), ("MLX_ROPE_FACTOR", "0.5")],
)
def test_a_setting_out_of_bounds_names_itself(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """As exported, from the environment: one line with the name and the value."""
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match=rf"{name}.* is '{value}'"):
        read_settings()


def test_exported_settings_reach_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLX_* strings become numbers; the defaults change nothing of a model."""
    assert read_settings().reading == Reading()
    exported = {"MLX_KV_BITS": "8", "MLX_KV_GROUP_SIZE": "32", "MLX_QUANTIZED_KV_START": "0"}
    for name, value in {**exported, "MLX_PREFILL_STEP_SIZE": "256", "MLX_ROPE_FACTOR": "2"}.items():
        monkeypatch.setenv(name, value)
    assert read_settings().reading == Reading(256, 8, 32, 0, 2.0, None)


def test_what_the_owner_asks_of_a_model_is_done_and_said(nano: LoadedModel, caplog: pytest.LogCaptureFixture) -> None:
    """YaRN and fewer bits stretch the limit, stand in the note, and are another model to the ledger."""
    with caplog.at_level(logging.INFO):
        other = load_generator(BUNDLED_MODEL, reading=Reading(kv_bits=8, rope_factor=4.0))
    assert other.max_context_tokens == 4 * nano.max_context_tokens == other.tokenizer.model_max_length
    assert "8 bits" in other.note
    assert "stretched 4 times by YaRN" in other.note
    assert other.fingerprint != nano.fingerprint == load_generator(BUNDLED_MODEL, reading=Reading(step=64)).fingerprint
    assert "model_max_length 16384, truncation_side left" in caplog.text


def test_a_text_longer_than_model_max_length_is_not_cut(nano: LoadedModel) -> None:
    """The tokenizer is told the limit and keeps every token: refusing is the engine's work."""
    words = "rain " * 5000
    assert nano.tokenizer.model_max_length == 4096
    assert nano.tokenizer.decode(nano.tokenizer.encode(words, add_special_tokens=False)) == words


def test_a_chunk_s_prompt_fits_the_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever the settings ask, rules, chunk and earlier chunks stay within the input; nano's own size stays."""
    assert sizes.chunk_tokens(str(BUNDLED_MODEL)) == 220
    for positions in (4096, 8192, 40_960):
        (tmp_path / "config.json").write_text(f'{{"max_position_embeddings": {positions}}}')
        monkeypatch.setattr(sizes, "settings", read_settings(MLX_CHUNK_TOKENS=32_768))
        chunk = sizes.chunk_tokens(str(tmp_path))
        assert sizes.prompt_tokens(chunk) <= positions - min(4096, positions // 4)
        assert chunk > positions // 10


def test_the_first_rung_of_the_ladder_holds(nano: LoadedModel) -> None:
    """2K tokens: read whole with a needle at the start, in the middle and at the end, answered, within the memory."""
    rung = climb(nano, 2_000)
    assert rung.holds
    assert 1_800 < rung.tokens <= 2_000


def test_a_lost_needle_is_noticed(nano: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text without its middle does not hold: the ladder can fail."""
    monkeypatch.setattr("app.pipeline.ladder._HAY", "rain ")
    monkeypatch.setattr("app.pipeline.ladder._haystack", lambda *_: "the key is under the blue stone\nrain")
    assert climb(nano, 300).needles == 1


def test_onboarding_compares_config_and_cache_and_climbs_to_the_limit() -> None:
    """The bundled model: equal bytes, and a last rung that fills its context."""
    engine = open_for_check(str(BUNDLED_MODEL))
    cache = check_cache(engine)
    assert (cache.predicted, cache.source) == (cache.live, "config")
    rungs = list(climb_ladder(engine, 1_000))
    assert all(rung.holds for rung in rungs)
    assert rungs[-1].tokens > 900


def test_the_page_of_models_is_computed(tmp_path: Path) -> None:
    """docs/models.md is what its generator makes of docs/models.json today; a new row comes to stand in it."""
    page = tmp_path / "models.md"
    model_table.write_page(page=page)
    assert page.read_text(encoding="utf-8") == model_table.PAGE.read_text(encoding="utf-8")
    rows = tmp_path / "rows.json"
    row = dict.fromkeys(("predicted_cache_bytes", "live_cache_bytes", "predicted_peak_bytes", "ladder_tokens"), 1000)
    row |= {"measured_peak_bytes": 1000}
    for _ in range(2):
        model_table.add_row({**row, "model": "m", "serving": "mkl", "qwen_check": "passed", "date": "2026-11-21"}, rows)
    model_table.write_page(rows, page)
    assert page.read_text(encoding="utf-8").count("| m | mkl | 1,000 and 1,000 bytes |") == 1


def test_the_tightest_control_group_counts(tmp_path: Path) -> None:
    """Memory is the least of the machine's and every group's above the process; file caches are free."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\n")
    assert system_memory(tmp_path) == Memory(8192 * MIB, 4096 * MIB)
    (tmp_path / "proc/self/cgroup").write_text("0::/a/b\n")
    group = tmp_path / "sys/fs/cgroup/a"
    group.mkdir(parents=True)
    (group / "memory.max").write_text(f"{1024 * MIB}\n")
    (group / "memory.current").write_text(f"{600 * MIB}\n")
    (group / "memory.stat").write_text(f"anon 5\ninactive_file {100 * MIB}\n")
    (group / "b").mkdir()
    (group / "b/memory.max").write_text("max\n")
    (group / "b/memory.current").write_text("7\n")
    assert system_memory(tmp_path) == Memory(1024 * MIB, 524 * MIB)


def test_a_budget_lives(nano: LoadedModel) -> None:
    """The limit of a loaded model on this machine now: positive, and within the model's positions."""
    limit = budget_for(nano).limit()
    assert 0 < limit.input < limit.context <= nano.max_context_tokens
