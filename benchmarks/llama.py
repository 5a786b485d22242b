"""llama.cpp as a peer of `python -m benchmarks.decode`, wherever `llama_cpp` can be imported.

Knows GGUF, llama-cpp-python and our loader. In: a model of ours, questions made ready.  Out: its answers, its seconds.

Neither package belongs to the project. Into an environment that has it: `pip install gguf llama-cpp-python`, which
compiles llama.cpp. It gets our weights in our own precision, our prompts as token ids (so that its pre-tokeniser does
not matter) and our schemas through its own converter, whose JSON may have other spaces than ours. One thread.
"""

import importlib.metadata
import importlib.util
import json
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from jsonschema import Draft202012Validator
from mlx.utils import tree_flatten

from app.llm import decode
from app.llm.blas import mx, runs_on_cpu
from app.llm.engine import Question
from app.llm.grammar import FreeText
from app.llm.loader import LoadedModel
from app.llm.mlx_thread import run_mlx
from app.llm.request import Completion, Request
from benchmarks.common import clock, exact_json

AT_HAND = all(importlib.util.find_spec(package) for package in ("gguf", "llama_cpp"))


def versions() -> str:
    return f"llama-cpp-python {importlib.metadata.version('llama_cpp_python')}"


def write_gguf(loaded: LoadedModel, path: Path) -> None:
    """Write a Qwen3 with tied embeddings and its byte-level BPE vocabulary; matrices keep the type they have here."""
    import gguf

    config, backend = loaded.config, json.loads(loaded.tokenizer.backend_tokenizer.to_str())
    assert config["model_type"] == "qwen3"
    assert config["tie_word_embeddings"]
    writer = gguf.GGUFWriter(path, "qwen3")
    writer.add_context_length(loaded.max_context_tokens)
    writer.add_vocab_size(loaded.vocab_size)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])

    names = {index: (name, gguf.TokenType.NORMAL) for name, index in backend["model"]["vocab"].items()}
    for added in backend["added_tokens"]:
        kind = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
        names[added["id"]] = (added["content"], kind)
    tokens = [names.get(index, (f"[unused {index}]", gguf.TokenType.UNUSED)) for index in range(loaded.vocab_size)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([name for name, _ in tokens])
    writer.add_token_types([kind for _, kind in tokens])
    writer.add_token_merges([" ".join(merge) for merge in backend["model"]["merges"]])
    writer.add_eos_token_id(loaded.tokenizer.eos_token_id)
    writer.add_add_bos_token(False)

    stored = _kind(loaded)
    named = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, config["num_hidden_layers"])
    for name, weight in run_mlx(_weights, loaded):
        kind = stored if weight.ndim > 1 else gguf.GGMLQuantizationType.F32  # llama.cpp wants its norms so
        writer.add_tensor(named.get_name(name, (".weight",)), gguf.quantize(weight, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _kind(loaded: LoadedModel) -> Any:
    """GGML's name of the type that the model has here."""
    import gguf

    return gguf.GGMLQuantizationType[{"float32": "F32", "float16": "F16", "bfloat16": "BF16"}[loaded.dtype]]


def _weights(loaded: LoadedModel) -> list[tuple[str, Any]]:
    return [(name, np.array(weight.astype(mx.float32))) for name, weight in tree_flatten(loaded.model.parameters())]


@dataclass(frozen=True)
class Said:
    """One answer.

    read      seconds of reading the prompt
    seconds   of decoding
    tokens    how many
    obeys     it is JSON, and valid by jsonschema
    """

    read: float
    seconds: float
    tokens: int
    obeys: bool


@dataclass(frozen=True)
class Pair:
    """One question answered by llama.cpp and, in the same run, by us; same: both answers hold the same values."""

    theirs: Said
    ours: Said
    same: bool
    prompt_tokens: int


class Llama:
    """One model in llama.cpp, answering greedily.

    name      of this side, in a table
    drafts    let it guess tokens by looking them up in the prompt, as llama-cpp-python offers
    """

    def __init__(self, name: str, path: Path, loaded: LoadedModel, *, drafts: bool = False) -> None:
        import llama_cpp
        from llama_cpp.llama_speculative import LlamaPromptLookupDecoding

        self.name, self._eos, self._tokenizer = name, loaded.eos_token_ids, loaded.tokenizer
        self._api = llama_cpp
        self._model = llama_cpp.Llama(
            str(path),
            n_gpu_layers=0 if runs_on_cpu() else -1,
            n_ctx=loaded.max_context_tokens,
            n_threads=1,
            n_threads_batch=1,
            type_k=_kind(loaded),
            type_v=_kind(loaded),
            logits_all=drafts,  # drafts need it, and no room is made for them without
            draft_model=LlamaPromptLookupDecoding() if drafts else None,
            verbose=False,
        )

    def grammar(self, question: Question) -> Any:
        """The schema in llama.cpp's own language.

        raises   ValueError where its converter or its parser refuses the schema
        """
        assert question.grammar is not None
        if question.grammar.kind != "json":
            raise ValueError(f"a {question.grammar.kind} grammar")
        try:
            grammar = self._api.LlamaGrammar.from_json_schema(question.grammar.text)
        except (AssertionError, LookupError, TypeError) as error:  # how the converter says no
            raise ValueError(str(error)) from error
        vocab = self._api.llama_model_get_vocab(self._model.model)
        parsed = self._api.llama_sampler_init_grammar(vocab, grammar._grammar.encode(), grammar._root.encode())
        if not parsed:
            raise ValueError("its parser refuses what its converter wrote")
        self._api.llama_sampler_free(parsed)
        return grammar

    def read(self, ids: Sequence[int]) -> float:
        """Seconds of reading all but the last token of a prompt, from the first."""
        self._model.reset()
        started = clock()
        self._model.eval(ids[:-1])
        return clock() - started

    def answer(self, ids: Sequence[int], grammar: Any, max_tokens: int) -> tuple[float, list[int]]:
        """Seconds of decoding after `read`, and the tokens; grammar None is free text."""
        tokens: list[int] = []
        started = clock()
        for token in self._model.generate(ids, temp=0, grammar=grammar):
            if token in self._eos or len(tokens) == max_tokens:
                break
            tokens.append(token)
        return clock() - started, tokens

    def beside(self, question: Question, ours: Completion, ours_read: float, ours_seconds: float) -> Pair | str:
        """Answer what we answered, or say why its grammar cannot be had."""
        ids = question.prompt.ids
        try:
            grammar = self.grammar(question)
        except ValueError as error:
            return str(error)
        read = self.read(ids)
        seconds, tokens = self.answer(ids, grammar, question.request.max_tokens)
        text = self._tokenizer.decode(tokens)
        return Pair(
            Said(read, seconds, len(tokens), _obeys(text, question)),
            Said(ours_read, ours_seconds, len(ours.token_ids), _obeys(ours.text, question)),
            _values(text) == _values(ours.text),
            len(ids),
        )

    def logits(self, ids: Sequence[int]) -> Any:
        """(V,) float32 of the token after `ids`."""
        self._model.reset()
        self._model.eval(ids)
        row = self._api.llama_get_logits_ith(self._model.ctx, -1)
        return np.ctypeslib.as_array(row, (self._model.n_vocab(),)).copy()


@contextmanager
def sides(loaded: LoadedModel) -> Iterator[list[Llama]]:
    """The same weights in llama.cpp, as it comes and with llama-cpp-python's own drafts; none where it is absent."""
    if not AT_HAND:
        print("llama.cpp is not at hand; benchmarks/llama.py says how to bring it.")
        yield []
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        write_gguf(loaded, path)
        yield [Llama("llama.cpp", path, loaded), Llama("llama.cpp, its own drafts", path, loaded, drafts=True)]


def agreement(loaded: LoadedModel, other: Llama, questions: Sequence[Question], most: int = 32) -> str:
    """One sentence: is it the same model? Its logits after a prompt, and `most` greedy tokens without a grammar."""
    apart, same = 0.0, 0
    for question in questions:
        ids = question.prompt.ids
        apart = max(apart, float(np.abs(other.logits(ids) - run_mlx(_logits, loaded, ids)).max()))
        free = FreeText(loaded.token_count, loaded.vocab_size, loaded.eos_token_ids)
        ours = run_mlx(decode.generate, loaded, ids, free, Request(messages=(), max_tokens=most))
        other.read(ids)
        same += other.answer(ids, None, most)[1] == list(ours.token_ids)
    return (
        f"Of {len(questions)} prompts {same} are continued greedily by the same tokens, at most {most}; "
        f"logits are at most {apart:.1g} apart."
    )


def _logits(loaded: LoadedModel, ids: Sequence[int]) -> Any:
    return np.array(loaded.model(mx.array([list(ids)]))[0, -1].astype(mx.float32))


def milliseconds(met: Sequence[Pair | str]) -> float:
    """For a token of llama.cpp's answers; at least one was not refused."""
    pairs = _pairs(met)
    return 1000 * sum(pair.theirs.seconds for pair in pairs) / sum(pair.theirs.tokens for pair in pairs)


def report(met: Mapping[str, Sequence[Pair | str]]) -> None:
    """Print both sides of each pair, the schemas refused, and the median of the answers' own ratios."""
    if not any(_pairs(answers) for answers in met.values()):
        return
    notes: list[str] = []
    print(f"\n| against {versions()} | answers | obey the schema | values as ours | tokens | tokens/s ", end="")
    print("| ms an answer, median | theirs / ours, median of the answers | prompt tokens read/s |")
    print("|---|---|---|---|---|---|---|---|---|")
    for side, answers in met.items():
        pairs = _pairs(answers)
        ratio = statistics.median(pair.theirs.seconds / pair.ours.seconds for pair in pairs)
        for name, said, same, slower in (
            (side, [pair.theirs for pair in pairs], sum(pair.same for pair in pairs), f"{ratio:.2f}"),
            ("ours, the same questions", [pair.ours for pair in pairs], len(pairs), "1"),
        ):
            tokens, seconds = sum(one.tokens for one in said), sum(one.seconds for one in said)
            read = sum(pair.prompt_tokens for pair in pairs) / sum(one.read for one in said)
            print(
                f"| {name} | {len(said)} | {sum(one.obeys for one in said)} | {same} | {tokens:,} "
                f"| {tokens / seconds:,.0f} | {1000 * statistics.median(one.seconds for one in said):.0f} "
                f"| {slower} | {read:,.0f} |"
            )
        faster = sum(pair.theirs.seconds < pair.ours.seconds for pair in pairs)
        notes.append(f"{side} was faster than we in {faster} of {len(pairs)} answers.")
        refused = Counter(answer for answer in answers if isinstance(answer, str))
        notes += [f"{side} refused {n} of {len(answers)} schemas: {reason}" for reason, n in refused.items()]
    print("", *notes, sep="\n")


def _pairs(met: Sequence[Pair | str]) -> list[Pair]:
    return [pair for pair in met if isinstance(pair, Pair)]


def _values(text: str) -> Any:
    """What JSON says, or the text itself where it is none."""
    try:
        return exact_json(text)
    except ValueError:
        return text


def _obeys(text: str, question: Question) -> bool:
    assert question.grammar is not None
    return bool(Draft202012Validator(exact_json(question.grammar.text)).is_valid(_values(text)))
