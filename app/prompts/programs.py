"""Every prompt as a DSPy program: what is evaluated, optimised, saved as JSON, and served to Graphiti.

Knows the signatures and DSPy's own file format; knows no model and no Graphiti.
In: a folder of compiled programs, perhaps none.  Out: dspy.Predict objects by name; without a file they are bare.

A compiled program quotes the journal in its demonstrations, so its file is its owner's alone (mode 0600).
"""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import dspy

from app.errors import BadInput, StorageFailed
from app.prompts.adapter import answers_within
from app.prompts.signatures import (
    ENTITY_TYPES,
    AnswerQuestion,
    DateFact,
    ExtractEdges,
    ExtractEntities,
    ResolveEdge,
    ResolveEntities,
    SummarizeEntities,
    with_types,
)

Programs = dict[str, "Program"]
_MIN_QUOTE_CHARS = 12  # shorter sentences ("It rained.") are nobody's in particular


class Program(dspy.Predict):  # type: ignore[misc]
    """A prompt, and how sure the model must be of what it states there; 0 takes everything."""

    min_confidence = 0.0
    rules = ""  # names the instructions it began with: a grammar belongs to them

    def dump_state(self, json_mode: bool = True) -> dict[str, Any]:
        """DSPy's state, the confidence and the rules."""
        return {**super().dump_state(json_mode), "min_confidence": self.min_confidence, "rules": self.rules}

    def load_state(self, state: dict[str, Any], **options: Any) -> "Program":
        """The inverse; a state without a confidence takes everything."""
        self.min_confidence = float(state.get("min_confidence", 0.0))
        ours = {"min_confidence", "rules"}
        super().load_state({name: value for name, value in state.items() if name not in ours}, **options)
        return self


def journal_programs(types: dict[str, str] = ENTITY_TYPES, folder: Path | None = None) -> Programs:
    """All programs of a journal; one that has a file in `folder` is the compiled one.

    raises  BadInput for a file that is no program of ours
    """
    programs = {
        "extract_entities": Program(with_types(ExtractEntities, types)),
        "extract_edges": Program(ExtractEdges),
        "resolve_entities": Program(ResolveEntities),
        "resolve_edge": Program(ResolveEdge),
        "summarize_entities": Program(SummarizeEntities),
        "date_fact": Program(DateFact),
        "answer_question": Program(AnswerQuestion),
    }
    for program in programs.values():
        program.rules = hashlib.sha256(program.signature.instructions.encode()).hexdigest()[:16]
    for path in sorted(folder.glob("*.json")) if folder is not None else ():
        if path.stem not in programs:
            raise BadInput(f"{path} is no prompt of ours", hint=f"the prompts are {', '.join(programs)}")
        _load(programs[path.stem], path)
    return programs


def save_program(program: dspy.Predict, folder: Path, name: str) -> Path:
    """Write `name`.json in DSPy's format, whole or not at all, for its owner's eyes alone; the LM is not in it."""
    bare = Program(program.signature)
    bare.min_confidence = getattr(program, "min_confidence", 0.0)  # what an optimiser returns may be a plain Predict
    bare.rules = journal_programs()[name].rules
    bare.demos = [
        {key: value for key, value in dict(demo).items() if key in program.signature.fields} for demo in program.demos
    ]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        with tempfile.TemporaryDirectory(dir=folder) as building:  # 0700, so nobody reads it meanwhile
            draft = Path(building) / f"{name}.json"
            bare.save(str(draft))
            draft.chmod(0o600)
            return draft.replace(folder / draft.name)
    except OSError as error:
        raise StorageFailed(
            f"cannot write {folder}: {error.strerror}", hint="check the disk, or MLX_PROMPTS_DIR"
        ) from error


def programs_quoting(folder: Path, sentences: list[str]) -> list[Path]:
    """Compiled programs in which one of these sentences stands: when they are forgotten, so must be the programs."""
    quotes = {" ".join(sentence.split()) for sentence in sentences}
    quotes = {json.dumps(quote, ensure_ascii=False)[1:-1] for quote in quotes if len(quote) >= _MIN_QUOTE_CHARS}
    paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return [path for path in paths if any(quote in path.read_text(encoding="utf-8") for quote in quotes)]


class Tightened(dspy.Module):  # type: ignore[misc]
    """A program whose every call brings the schema of its answer, as every served call does."""

    def __init__(self, predict: dspy.Predict) -> None:
        super().__init__()
        self.predict = predict

    def forward(self, answer_schema: dict[str, Any], **inputs: Any) -> dspy.Prediction:
        """Predict within the schema; the adapter must be our JSONAdapter."""
        with answers_within(answer_schema):
            return self.predict(**inputs)


def _load(program: Program, path: Path) -> None:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        fields = [field["prefix"] for field in state["signature"]["fields"]]
        wanted = [field["prefix"] for field in program.dump_state()["signature"]["fields"]]
        if fields != wanted or state.get("rules") != program.rules:
            what = f"fields: {', '.join(fields)}" if fields != wanted else "rules than this version's"
            raise BadInput(
                f"{path} was compiled for other {what}", hint="remove the file, or run `python -m app optimise` again"
            )
        program.load_state({**state, "lm": None})  # a file never brings a model with it
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", hint="check its owner and mode") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{path} is no compiled program", hint="remove the file, or optimise again") from error
