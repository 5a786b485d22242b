"""A model's folder: find it, see that it is whole, and give its content a name.

Knows files and checksums; never wakes mlx.
In: a folder, or the name of a model on the Hugging Face hub.  Out: a ModelFolder whose files were all checked.
"""

import hashlib
import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import ModelDamaged, ModelMissing

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# What mlx-lm reads; never code from the hub.
HUB_PATTERNS = ["*.json", "model*.safetensors", "tokenizer.model", "*.tiktoken", "*.txt", "*.jinja"]


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A complete model on disk.

    fingerprint   sha256 over config.json, tokenizer.json and the weight files, by content: a renamed copy is the same
    """

    path: Path
    name: str
    config: dict[str, Any]  # config.json as the model's author wrote it
    weight_bytes: int
    fingerprint: str


def open_folder(name_or_path: str | Path, *, allow_download: bool = False) -> ModelFolder:
    """Check a model's folder file by file.

    allow_download   True where a person named this hub model; a folder on disk never opens a socket
    raises           ModelMissing with the place looked at; ModelDamaged naming the file
    """
    path = _locate(name_or_path, allow_download)
    config = _read_config(path)
    weights = _weight_files(path)
    for file in weights:
        _check_safetensors(file)
    if not (path / "tokenizer.json").is_file():
        raise ModelMissing(f"no tokenizer.json in {path}", hint="copy the whole model folder, not only the weights")
    checksums = {file.name: sha256_of(file) for file in [path / "config.json", path / "tokenizer.json", *weights]}
    _verify(path, checksums)
    return ModelFolder(
        path=path,
        name=str(name_or_path) if HUB_NAME.fullmatch(str(name_or_path)) else path.name,
        config=config,
        weight_bytes=sum(file.stat().st_size for file in weights),
        fingerprint=hashlib.sha256(json.dumps(checksums, sort_keys=True).encode()).hexdigest(),
    )


def sha256_of(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _locate(name_or_path: str | Path, allow_download: bool) -> Path:
    name, path = str(name_or_path), Path(name_or_path).expanduser()
    if path.is_dir():
        return path.resolve()
    # "models/nano" is a folder that is missing, not an author called "models".
    if path.is_absolute() or not HUB_NAME.fullmatch(name) or Path(name.split("/")[0]).exists():
        raise ModelMissing(f"no model folder at {path.absolute()}", hint="check the path, or name a model of the hub")
    return _from_hub(name, allow_download)


def _from_hub(name: str, allow_download: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(snapshot_download(name, allow_patterns=HUB_PATTERNS, local_files_only=not allow_download))
    except (OSError, ValueError, HfHubHTTPError) as error:
        where = "on the hub or in the local cache" if allow_download else "in the local cache of the hub"
        raise ModelMissing(
            f"no model {name!r} {where}: {_first_line(error)}", hint="check the name and the connection"
        ) from error


def _read_config(path: Path) -> dict[str, Any]:
    file = path / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelMissing(f"no config.json in {path}", hint="this folder does not hold a model") from error
    except (ValueError, OSError) as error:
        raise ModelDamaged(f"{file} cannot be read: {_first_line(error)}", hint="copy the model again") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise ModelDamaged(f"{file} names no model_type", hint="copy the model again")
    return config


def _weight_files(path: Path) -> list[Path]:
    files = sorted(path.glob("model*.safetensors"))
    if not files:
        raise ModelMissing(f"no weights (model*.safetensors) in {path}", hint="copy the whole model folder")
    index = path / "model.safetensors.index.json"
    if index.is_file():
        wanted = set(json.loads(index.read_text(encoding="utf-8")).get("weight_map", {}).values())
        if missing := sorted(wanted - {file.name for file in files}):
            raise ModelDamaged(f"{missing[0]} is missing from {path}", hint="copy the whole model folder")
    return files


def _check_safetensors(file: Path) -> None:
    """The header says how long the file must be; a copy that stopped half-way is shorter."""
    size = file.stat().st_size
    try:
        with file.open("rb") as stream:
            (header_bytes,) = struct.unpack("<Q", stream.read(8))
            if header_bytes > size:
                raise ValueError("its header is cut off")
            tensors = json.loads(stream.read(header_bytes))
            tensors.pop("__metadata__", None)
            whole = 8 + header_bytes + max((tensor["data_offsets"][1] for tensor in tensors.values()), default=0)
    except (struct.error, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ModelDamaged(f"{file} is not a safetensors file", hint="copy the model again") from error
    if size != whole:
        raise ModelDamaged(f"{file} has {size:,} bytes, its header says {whole:,}", hint="copy the model again")


def _verify(path: Path, known: dict[str, str]) -> None:
    """Compare with checksums.json (file name -> sha256), where the folder has one, and with what the hub's cache says.

    There each file is a link, and what it leads to is called by its SHA-256 if it is large.
    """
    for name, found in known.items():
        blob = (path / name).resolve()
        if _SHA256.fullmatch(blob.name) and blob.name != found:
            raise ModelDamaged(f"{path / name} differs from its checksum", hint=f"delete {blob} and download it again")
    listing = path / "checksums.json"
    if not listing.is_file():
        return
    try:
        wanted = dict(json.loads(listing.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ModelDamaged(f"{listing} cannot be read", hint="copy the model again") from error
    for name, expected in wanted.items():
        file = path / name
        if not file.is_file():
            raise ModelDamaged(f"{name} is missing from {path}", hint="copy the whole model folder")
        if (known.get(name) or sha256_of(file)) != expected:
            raise ModelDamaged(f"{file} differs from its checksum", hint="copy the model again")


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
