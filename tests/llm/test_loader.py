"""The laws of loading: a whole model loads, a broken one is named in one line, and no folder opens a socket."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import DaybookError, ModelDamaged, ModelMissing
from app.llm.blas import mx, preload, serving
from app.llm.folder import open_folder, sha256_of
from app.llm.loader import LoadedModel, adopt, load_embedder, load_generator
from app.llm.mlx_thread import run_mlx

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may damage."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


def test_a_loaded_model_says_what_it_is(tiny: LoadedModel) -> None:
    """Ids that end an answer lie below the tokenizer's length; the limit is the smaller of two."""
    assert tiny.token_count == len(tiny.tokenizer) < tiny.config["vocab_size"]
    assert {tiny.tokenizer.decode([token]) for token in tiny.eos_token_ids} == {"<|im_end|>", "<|endoftext|>"}
    assert tiny.max_context_tokens == 16384
    assert tiny.dtype == "float32"
    assert tiny.note == ""


def test_the_fingerprint_is_the_content(tiny: LoadedModel, copy: Path) -> None:
    """A renamed copy has the same fingerprint; one changed byte of the configuration has another."""
    assert open_folder(copy).fingerprint == tiny.fingerprint
    config = copy / "config.json"
    config.write_text(config.read_text() + " ")
    assert open_folder(copy).fingerprint != tiny.fingerprint


def test_a_missing_folder_is_named_and_never_looked_up_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path that is not there is ModelMissing, also when it looks like "author/model"."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    for name in [str(tmp_path / "nowhere"), "models/nano", "./models/nano", "nano"]:
        with pytest.raises(ModelMissing, match="no model folder at"):
            open_folder(name)


def test_a_hub_model_is_not_downloaded_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without allow_download a hub name is looked for in the local cache only."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelMissing, match="in the local cache"):
        open_folder("daybook-tests/no-such-model")


@pytest.mark.parametrize(
    ("break_it", "error", "line"),
    [
        (lambda folder: (folder / "config.json").unlink(), ModelMissing, "no config.json"),
        (lambda folder: (folder / "tokenizer.json").unlink(), ModelMissing, "no tokenizer.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), ModelMissing, "no weights"),
        (lambda folder: (folder / "config.json").write_text("{"), ModelDamaged, "cannot be read"),
        (lambda folder: (folder / "config.json").write_text("[]"), ModelDamaged, "model_type"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b""), ModelDamaged, "not a safetensors"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\xff" * 99), ModelDamaged, "not a safetensors"),
        (lambda folder: _cut(folder / "model.safetensors"), ModelDamaged, "its header says"),
        (lambda folder: _edit(folder, hidden_size=32), ModelDamaged, "cannot be loaded"),
        (lambda folder: _edit(folder, model_type="no_such_type"), ModelMissing, "not supported"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), ModelDamaged, "cannot be loaded"),
    ],
)
def test_a_broken_folder_is_named_in_one_line(
    copy: Path, break_it: Callable[[Path], None], error: type[DaybookError], line: str
) -> None:
    """Every way to break a model folder ends in an error of ours that says which file."""
    break_it(copy)
    with pytest.raises(error, match=line) as caught:
        load_generator(copy)
    assert "\n" not in str(caught.value)
    assert str(copy) in str(caught.value)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def _edit(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


def test_a_missing_shard_is_noticed(copy: Path) -> None:
    """The index lists the weight files; one that is not there is named."""
    (copy / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "model-00002-of-00002.safetensors"}})
    )
    with pytest.raises(ModelDamaged, match="model-00002-of-00002"):
        open_folder(copy)


def test_checksums_are_verified_where_the_folder_has_them(copy: Path) -> None:
    """A flipped byte in a listed file is ModelDamaged; an untouched folder loads."""
    names = ["config.json", "model.safetensors", "tokenizer_config.json"]
    (copy / "checksums.json").write_text(json.dumps({name: sha256_of(copy / name) for name in names}))
    open_folder(copy)
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    with pytest.raises(ModelDamaged, match="differs from its checksum"):
        open_folder(copy)
    (copy / "checksums.json").write_text(json.dumps({"gone.json": ""}))
    with pytest.raises(ModelDamaged, match=r"gone\.json is missing"):
        open_folder(copy)


def test_the_hub_s_cache_names_weights_by_their_checksum(copy: Path, tmp_path: Path) -> None:
    """There a file is a link to one whose name is the SHA-256 of what it must hold; a flipped byte is ModelDamaged."""
    weights = copy / "model.safetensors"
    blob = tmp_path / sha256_of(weights)
    weights.rename(blob)
    weights.symlink_to(blob)
    open_folder(copy)
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)
    with pytest.raises(ModelDamaged, match=r"model\.safetensors differs from its checksum"):
        open_folder(copy)


def test_a_local_folder_opens_no_socket(tiny_folder: Path) -> None:
    """Loading from disk makes no connection and no name look-up, watched by an audit hook."""
    code = (
        "import sys\n"
        "def watch(event, args):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'socket.gethostbyname'): raise SystemExit(event)\n"
        "sys.addaudithook(watch)\n"
        "from app.llm.loader import load_generator\n"
        f"load_generator({str(tiny_folder)!r})\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, cwd=ROOT)


def test_an_unknown_eos_token_is_refused(tiny_folder: Path) -> None:
    """transformers would invent an id for it that the model has never seen."""
    with pytest.raises(ModelMissing, match="not in the vocabulary"):
        load_generator(tiny_folder, tokenizer_config={"eos_token": "<|nonexistent|>"})


@pytest.mark.skipif(serving() not in ("mkl", "reference"), reason="float32 is for CPUs")
@pytest.mark.parametrize("kind", ["bfloat16", "quantised"])
def test_on_a_cpu_small_weights_become_float32(copy: Path, kind: str) -> None:
    """bfloat16 and 4-bit folders run in float32 with the weights they stored, and the note says so."""
    from mlx_lm.utils import load_model, quantize_model, save_config, save_model

    def convert() -> object:
        model, config = load_model(copy)
        if kind == "quantised":
            model, config = quantize_model(model, config, group_size=32, bits=4)
        else:
            model.set_dtype(mx.bfloat16)
        save_model(copy, model)
        save_config(config, config_path=copy / "config.json")
        return model(mx.array([[1, 2, 3]])).astype(mx.float32).tolist()

    stored = run_mlx(convert)
    loaded = load_generator(copy)
    assert loaded.dtype == "float32"
    assert loaded.note.startswith(f"{kind} weights")
    logits = run_mlx(lambda: loaded.model(mx.array([[1, 2, 3]])).tolist())
    assert isinstance(stored, list)
    assert logits[0][2] == pytest.approx(stored[0][2], abs=0.2 if kind == "bfloat16" else 1e-3)


def test_float32_that_does_not_fit_is_not_tried(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory is short the weights stay as stored, and the note says why it is slow."""
    from mlx_lm.utils import load_model, save_model

    def convert() -> None:
        model, _ = load_model(copy)
        model.set_dtype(mx.bfloat16)
        save_model(copy, model)

    run_mlx(convert)
    monkeypatch.setattr("app.llm.loader._free_bytes", lambda: 1000)
    monkeypatch.setattr("app.llm.loader.runs_on_cpu", lambda: True)
    loaded = load_generator(copy)
    assert loaded.dtype == "bfloat16"
    assert "kept" in loaded.note


def test_an_embedder_loads_with_and_without_the_prefix(copy: Path, tiny: LoadedModel) -> None:
    """sentence-transformers saves the weights without "model."; the hidden states are the same."""

    def strip() -> None:
        file = str(copy / "model.safetensors")
        weights = mx.load(file)
        assert isinstance(weights, dict)
        mx.eval(weights)
        mx.save_safetensors(file, {name.removeprefix("model."): array for name, array in weights.items()})

    run_mlx(strip)
    embedder = load_embedder(copy)
    assert _hidden_states(embedder) == _hidden_states(tiny)


def _hidden_states(loaded: LoadedModel) -> object:
    return run_mlx(lambda: loaded.model.model(mx.array([[5, 6, 7]])).tolist())


def test_a_model_loaded_elsewhere_can_be_adopted(tiny: LoadedModel) -> None:
    """What `mlx_lm.load` returns gets the same description; its fingerprint follows the weights."""
    adopted = adopt(tiny.model, tiny.tokenizer, "mine")
    assert (adopted.eos_token_ids, adopted.token_count, adopted.name) == (tiny.eos_token_ids, tiny.token_count, "mine")
    assert adopted.fingerprint == adopt(tiny.model, tiny.tokenizer, "other").fingerprint


def test_mlx_runs_without_a_fast_blas(tmp_path: Path) -> None:
    """No library, a library that is none, and a call that comes too late all leave mlx as it came."""
    (tmp_path / "libmkl_rt.so.3").write_text("not a library")
    code = (
        "from pathlib import Path; import importlib.metadata as m; m.files = lambda name: []\n"
        f"import ctypes\nfrom app.llm.blas import serving, preload, mx\nassert serving() != 'mkl', serving()\n"
        f"assert not preload(Path({str(tmp_path / 'libmkl_rt.so.3')!r}))\nassert mx.ones(3).sum().item() == 3\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=ROOT)
    assert not preload(None)
