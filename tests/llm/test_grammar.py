"""The laws of grammars: whatever a model says inside one ends, and is valid for the type it came from."""

import json
import random
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import Enum
from typing import Annotated, Any, Literal, Optional

import jsonschema
import numpy as np
import pytest
from outlines.types import CFG, Choice, JsonSchema, Regex
from pydantic import BaseModel, Field, TypeAdapter

from app.errors import BadInput, GrammarGaveUp
from app.llm.blas import mx
from app.llm.bounds import Bounds, bounded_schema
from app.llm.grammar import Constraint, FreeText, Grammar, GrammarConstraint, Grammars, grammar_of, mask, no_bits
from app.llm.loader import LoadedModel
from app.llm.mlx_thread import run_mlx
from tests.llm.tiny import SHORT


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Leaf(BaseModel):
    """A record of what pydantic can say."""

    name: str
    code: Annotated[str, Field(pattern="^[a-z]{2}[0-9]*$", max_length=6)]
    count: int
    share: Annotated[float, Field(ge=0, le=1)]
    size: Annotated[int, Field(gt=5)]
    weight: float
    colour: Colour = Colour.RED
    kind: Literal["a", "b", 3] = "a"
    note: str | None = None
    tags: set[Literal["x", "y", "z"]] = set()
    pair: tuple[int, str] = (0, "")
    born: Annotated[str, Field(json_schema_extra={"format": "date"})] = "2024-01-01"
    scores: dict[str, int] = {}
    anything: Any = None


class Tree(BaseModel):
    """A type that contains itself."""

    name: str
    left: Optional["Tree"] = None
    children: list["Tree"] = []


class Endless(BaseModel):
    """A type that must contain itself."""

    inner: "Endless"


@dataclass
class Point:
    x: int
    y: int


@pytest.fixture(scope="module")
def grammars(tiny: LoadedModel) -> Grammars:
    """The tokenizer is translated once, as in an engine."""
    return Grammars(tiny)


def allowed_by(constraint: Constraint, loaded: LoadedModel) -> list[int]:
    """The ids that may come next."""
    bits = no_bits(1, loaded.vocab_size)
    constraint.mark(bits, 0)
    return np.flatnonzero(np.unpackbits(bits.view(np.uint8)[0], bitorder="little")).tolist()


def walk(grammars: Grammars, grammar: Grammar | None, rng: random.Random, *, most: int = 3000) -> str:
    """The text of a model that obeys the grammar and nothing else: any allowed token, the end only when it must."""
    assert grammar is not None
    tiny, constraint = grammars.loaded, grammars.constraint(grammar)
    assert isinstance(constraint, GrammarConstraint)
    said: list[int] = []
    for _ in range(most):
        if constraint.is_complete():
            return str(tiny.tokenizer.decode(said, clean_up_tokenization_spaces=False))
        allowed = allowed_by(constraint, tiny)
        assert all(token < tiny.token_count for token in allowed)
        token = rng.choice([token for token in allowed if token not in tiny.eos_token_ids] or allowed)
        constraint.accept(token)
        if token not in tiny.eos_token_ids:
            said.append(token)
    raise AssertionError(f"not complete after {most} tokens")


@pytest.mark.parametrize("type_", [Leaf, Tree, list[Leaf], dict[str, Leaf], dict[str, Any], Any, Point])
def test_any_obedient_answer_is_valid_for_its_type(grammars: Grammars, type_: Any) -> None:
    """40 random walks end, and pydantic and jsonschema accept each one."""
    schema = TypeAdapter(type_).json_schema()
    grammar, rng = grammar_of(schema, SHORT), random.Random(1)
    checker = jsonschema.Draft202012Validator(schema)
    for _ in range(40):
        answer = json.loads(walk(grammars, grammar, rng))
        checker.validate(answer)
        TypeAdapter(type_).validate_python(answer)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"enum": ["a", "b", "c", "a"]}, "uniqueItems": True, "minItems": 1},
        {
            "type": ["array", "null"],
            "items": {"$ref": "#/$defs/f"},
            "uniqueItems": True,
            "$defs": {"f": {"enum": [1, 2]}},
        },
        {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 2},
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "maxItems": 1},
        {"type": "object", "additionalProperties": {"type": "integer"}, "propertyNames": {"enum": ["a.b", "c"]}},
        {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1},
        {"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}}, "minProperties": 2},
        {"oneOf": [{"type": "integer"}, {"type": "string", "maxLength": 3}]},
        {  # a closed part lists a name without a type, and another part lists one that it does not know
            "properties": {"a": {}, "b": {"type": "integer"}},
            "additionalProperties": False,
            "allOf": [{"properties": {"a": {"type": "boolean"}, "b": {}, "c": {"type": "null"}}}],
        },
        {"properties": {"a": {"type": "null"}}, "required": ["b"], "additionalProperties": {"type": "boolean"}},
        {"type": "object", "required": ["a"], "additionalProperties": {"type": "boolean"}},
    ],
)
def test_what_a_grammar_must_be_told_otherwise_is_kept(grammars: Grammars, schema: dict[str, Any]) -> None:
    """Lists without repetition, names of keys, numbers of keys, exactly one of several: 60 random walks are valid."""
    grammar, rng = grammar_of(schema, SHORT), random.Random(2)
    texts = [walk(grammars, grammar, rng) for _ in range(60)]
    for text in texts:
        jsonschema.Draft202012Validator(schema).validate(json.loads(text))
    assert len(set(texts)) > 1 or schema.get("minItems") == 2 or "minProperties" in schema
    once = bounded_schema(schema)
    assert bounded_schema(once) == {key: value for key, value in once.items() if key != "$defs"} | (
        {"$defs": once["$defs"]} if "#/$defs/" in json.dumps(once) else {}
    )


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, "uniqueItems"),
        ({"type": "array", "items": {"enum": list(range(9))}, "uniqueItems": True}, "uniqueItems"),
        ({"type": "array", "items": {"enum": [1, 1]}, "uniqueItems": True, "minItems": 2}, "2 different items"),
        ({"type": "object", "propertyNames": {"maxLength": 3}}, "propertyNames"),
        ({"type": "object", "properties": {"a": {}}, "propertyNames": {"pattern": "a"}}, "propertyNames"),
        ({"type": "object", "properties": {"a": {}}, "minProperties": 2}, "minProperties"),
        ({"type": "object", "minProperties": 2}, "minProperties"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "oneOf"),
        ({"properties": {"a": {}}, "required": ["b"], "additionalProperties": False}, "does not list"),
    ],
)
def test_what_no_grammar_keeps_is_refused_before_any_answer(schema: dict[str, Any], named: str) -> None:
    """By its name, however deep it stands: what is served is always valid."""
    with pytest.raises(BadInput, match=named):
        grammar_of({"type": "object", "properties": {"inner": {"type": "array", "items": schema}}}, SHORT)


def test_a_python_set_may_be_told_an_item_twice(grammars: Grammars) -> None:
    """Its reader keeps one of them; the same type's schema on its own is refused."""

    class Tagged(BaseModel):
        tags: set[str]

    assert isinstance(Tagged.model_validate_json(walk(grammars, grammar_of(Tagged, SHORT), random.Random(1))), Tagged)
    with pytest.raises(BadInput, match="uniqueItems"):
        grammar_of(Tagged.model_json_schema(), SHORT)


@pytest.mark.parametrize("type_", [Leaf, Tree, list[Leaf], dict[str, Leaf], dict[str, Any], Any])
def test_bounding_twice_changes_nothing(type_: Any) -> None:
    """What is bounded stays as it is."""
    once = bounded_schema(TypeAdapter(type_).json_schema())
    assert bounded_schema(once) == once


def test_a_bound_that_is_there_is_kept() -> None:
    """Our bounds are for what says nothing."""
    schema = {"type": "array", "items": {"type": "string", "maxLength": 5000}, "maxItems": 999}
    bounded = bounded_schema(schema)
    assert (bounded["maxItems"], bounded["items"]["maxLength"]) == (999, 5000)


def test_properties_are_all_required_closed_and_in_order() -> None:
    """{} is not an answer, extra keys are none, and the order is the schema's."""
    schema = {"type": "object", "properties": {"z": {"type": "null"}, "a": {"type": "null"}}}
    bounded = bounded_schema(schema)
    assert bounded["required"] == list(bounded["properties"]) == ["z", "a"]
    assert bounded["additionalProperties"] is False


def test_a_refused_token_says_nothing_of_the_text(grammars: Grammars) -> None:
    """A grammar that gives up inside an answer is an error of its own: a load puts the chunk aside and goes on."""
    grammar = grammar_of({"const": "Klara's secret"})
    assert grammar is not None
    constraint = grammars.constraint(grammar)
    (wrong,) = grammars.loaded.tokenizer.encode("7", add_special_tokens=False)
    with pytest.raises(GrammarGaveUp) as refused:
        constraint.accept(wrong)
    assert str(refused.value) == "the grammar gave up inside the answer (simplify the output type)"


def test_an_empty_list_of_required_properties_is_meant(grammars: Grammars) -> None:
    """Where it stands there any may be left out, each is said once at most, and the order is the schema's."""
    schema = {"type": "object", "properties": {name: {"const": 1} for name in "zab"}, "required": []}
    grammar, rng = grammar_of(JsonSchema(schema)), random.Random(3)
    said = {tuple(json.loads(walk(grammars, grammar, rng))) for _ in range(120)}
    assert {(), ("z",), ("b",), ("z", "a", "b")} <= said
    assert all(names == tuple(name for name in "zab" if name in names) for names in said)
    closed = {**schema, "additionalProperties": False}
    with pytest.raises(BadInput, match="oneOf"):  # both may be {}
        grammar_of(JsonSchema({"oneOf": [closed, {**closed, "properties": {"y": {"const": 1}}}]}))


def test_a_type_inside_itself_goes_as_deep_as_the_bounds_say(grammars: Grammars) -> None:
    """Recursion ends by itself where the inner one is optional, and is refused where it is not."""
    rng, grammar = random.Random(2), grammar_of(Tree, Bounds(text_chars=2, items=1, depth=3))
    deepest = max(_depth(json.loads(walk(grammars, grammar, rng))) for _ in range(30))
    assert 2 <= deepest <= 4
    with pytest.raises(BadInput, match="Endless contains itself"):
        grammar_of(Endless)


def _depth(tree: dict[str, Any] | None) -> int:
    return 0 if tree is None else 1 + max([_depth(tree["left"]), *map(_depth, tree["children"])])


@pytest.mark.parametrize(
    ("output_type", "texts"),
    [
        (Literal["yes", "no"], {"yes", "no"}),
        (Colour, {"red", "blue"}),
        (Choice(["red", "green"]), {"red", "green"}),
        (Regex("[ab]c"), {"ac", "bc"}),
        (CFG('start: "x" ("y" | "z")'), {"xy", "xz"}),
        (JsonSchema({"enum": ["a", 1]}), {'"a"', "1"}),
        ({"const": {"k": [1, "é"]}}, {'{"k": [1, "é"]}'}),
        (bool, {"True", "False"}),
    ],
)
def test_what_outlines_accepts_is_an_output_type(grammars: Grammars, output_type: Any, texts: set[str]) -> None:
    """Python types, Outlines terms and schemas all become grammars."""
    rng, grammar = random.Random(3), grammar_of(output_type)
    assert {walk(grammars, grammar, rng) for _ in range(40)} == texts


def test_an_answer_that_may_end_may_end_with_any_end_token(grammars: Grammars) -> None:
    """Where a grammar leaves the end open, every end token the model has is allowed, and not before."""
    constraint = grammars.constraint(grammar_of(Regex("ab*")))
    ends: list[set[int]] = []
    for text in ("a", "b"):
        allowed = set(allowed_by(constraint, grammars.loaded))
        ends.append(allowed & grammars.loaded.eos_token_ids)
        constraint.accept(grammars.loaded.tokenizer.encode(text)[0])
    assert ends == [set(), set(grammars.loaded.eos_token_ids)]


def says(grammars: Grammars, schema: dict[str, Any], text: str) -> bool:
    """Whether an answer may be this text, token by token."""
    constraint = grammars.constraint(grammar_of(schema))
    for token in grammars.loaded.tokenizer.encode(text, add_special_tokens=False):
        if token not in allowed_by(constraint, grammars.loaded):
            return False
        constraint.accept(token)
    return True


@pytest.mark.parametrize(
    ("pattern", "allowed", "refused"),
    [
        ('^[^,"]+$', r'"a\nb"', r'"a\"b"'),
        (r"^[^\\]+$", r'"a\"b"', r'"a\\b"'),
        (r"^[^\[\]]+$", r'"a\\b"', '"a]b"'),
        (r"^\[[^a]$", '"[b"', '"[a"'),
    ],
)
def test_an_escape_is_the_character_it_stands_for(grammars: Grammars, pattern: str, allowed: str, refused: str) -> None:
    """What a class excludes is excluded however JSON writes it, as the value of a string and as a key."""
    string = {"type": "string", "pattern": pattern}
    keys = {"type": "object", "patternProperties": {pattern: {"const": 1}}, "additionalProperties": False}
    assert says(grammars, string, allowed)
    assert not says(grammars, string, refused)
    assert says(grammars, keys, f"{{{allowed}: 1}}")
    assert not says(grammars, keys, f"{{{refused}: 1}}")


def test_constants_with_control_characters_are_escaped(grammars: Grammars) -> None:
    """A name from a strange file is still valid JSON, and free text gets no control characters."""
    assert json.loads(walk(grammars, grammar_of({"const": "a\x07\x7f\u2028b"}), random.Random(4))) == "a\x07\x7f\u2028b"
    rng, free = random.Random(5), grammar_of({"type": "string", "maxLength": 8})
    texts = "".join(json.loads(walk(grammars, free, rng)) for _ in range(200))
    assert not any(ord(character) < 32 and character not in "\n\r\t" for character in texts)


@pytest.mark.parametrize(
    "output_type",
    [
        {"not": {"type": "string"}},
        {"$ref": "#/$defs/Gone"},
        {"const": "\ud800"},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"anyOf": []},
        Regex("(?<=a)b"),
        CFG("start: missing"),
        object(),
    ],
)
def test_what_cannot_be_a_grammar_is_bad_input(grammars: Grammars, output_type: Any) -> None:
    """Refused in one line, before any device work."""
    with pytest.raises(BadInput) as caught:
        grammars.constraint(grammar_of(output_type))
    assert "\n" not in str(caught.value)


def test_the_identity_of_a_grammar_is_what_it_allows() -> None:
    """Descriptions do not count, types do: it is part of the key of an answered call."""
    one, other = grammar_of({"type": "integer", "title": "a"}), grammar_of({"type": "integer", "title": "b"})
    assert one is not None
    assert other is not None
    assert one.identity == other.identity
    number = grammar_of({"type": "number"})
    assert number is not None
    assert number.identity != one.identity


def test_a_mask_lets_exactly_its_bits_through(tiny: LoadedModel) -> None:
    """The table of bytes agrees with numpy bit by bit, for logits of any float type, in float32."""
    rng = np.random.default_rng(0)
    bits = rng.integers(-(2**31), 2**31, size=(1, (tiny.vocab_size + 31) // 32), dtype=np.int32)
    expected = np.unpackbits(bits.view(np.uint8), bitorder="little")[: tiny.vocab_size].astype(bool)

    def masked() -> list[object]:
        logits = mx.zeros((1, tiny.vocab_size), dtype=mx.bfloat16)
        result = mask(logits, bits)
        assert result.dtype == mx.float32
        return [value == 0 for value in np.array(result)[0]]

    assert run_mlx(masked) == expected.tolist()


def test_free_text_never_uses_ids_beyond_the_tokenizer(tiny: LoadedModel) -> None:
    """Padded logits are masked also where there is no grammar."""
    free = FreeText(tiny.token_count, tiny.vocab_size, tiny.eos_token_ids)
    assert allowed_by(free, tiny) == list(range(tiny.token_count))


def test_a_listed_value_keeps_to_the_other_keywords() -> None:
    """Of an enum only what the rest of its schema allows is left; nothing left is an error."""
    schema = {"type": "integer", "enum": [1, 5, 9, 15, 20], "multipleOf": 5, "not": {"multipleOf": 2}}
    assert bounded_schema(schema) == {"enum": [5, 15]}
    with pytest.raises(BadInput, match="allows none"):
        bounded_schema({"enum": [1, 2], "minimum": 3})


@pytest.mark.parametrize("kind", [date, datetime, time])
def test_a_drawn_date_can_be_read(grammars: Grammars, kind: type) -> None:
    """RFC 3339 knows a year 0 and leap seconds, and Python refuses both; every walk through the grammar is readable."""
    reader: TypeAdapter[Any] = TypeAdapter(kind)
    grammar, rng = grammar_of(JsonSchema(reader.json_schema()), SHORT), random.Random(4)
    for _ in range(60):
        reader.validate_json(walk(grammars, grammar, rng))
