"""Qwen3's real tokenizer and templates against published vectors; skipped where their data is not at hand."""

import json
from collections.abc import Iterator
from typing import Any

from app.llm.loader import LoadedModel
from app.llm.request import Turn
from app.llm.tokens import PromptEncoder
from tests.llm.tiny import QWEN_DATA


def _lines(name: str) -> Iterator[dict[str, Any]]:
    with (QWEN_DATA / "vectors" / name).open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def test_qwen_s_tokenizer_agrees_with_the_published_vectors(qwen: LoadedModel) -> None:
    """All 578 texts, among them llama.cpp's own, have their ids; without control text ours are the same."""
    encoder, added = PromptEncoder(qwen.tokenizer), set(qwen.tokenizer.added_tokens_decoder)
    checked = 0
    for line in _lines("qwen_vectors.jsonl"):
        assert qwen.tokenizer.encode(line["text"], add_special_tokens=False) == line["ids"], line["text"]
        ours = encoder.encode_text(line["text"])
        assert added.isdisjoint(ours)
        assert ours == line["ids"] or not added.isdisjoint(line["ids"])
        checked += 1
    assert checked == 578


def test_qwen_s_templates_agree_with_the_golden_renderings(qwen: LoadedModel) -> None:
    """Seven templates render 17 conversations as recorded, or refuse the same ones."""
    checked = 0
    for line in _lines("chat_template_golden.jsonl"):
        context = dict(line["context"])
        template = (QWEN_DATA / "templates" / line["template"]).read_text(encoding="utf-8")
        messages = context.pop("messages")
        context.pop("bos_token", None)
        context.pop("eos_token", None)
        if "error" in line:
            continue
        rendered = qwen.tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False, **context)
        assert rendered == line["rendered"], (line["template"], line["case"])
        checked += 1
    assert checked > 100


def test_our_prompts_are_the_golden_ones_with_control_text_made_harmless(qwen: LoadedModel) -> None:
    """Qwen3's own template: the same ids wherever the recorded call is ours to make and holds no control text."""
    encoder, same, harmless = PromptEncoder(qwen.tokenizer), 0, 0
    for line in _lines("chat_template_golden.jsonl"):
        context = line["context"]
        plain = all(set(message) == {"role", "content"} and message["role"] in ("system", "user") and
                    isinstance(message["content"], str) for message in context["messages"])  # fmt: skip
        if line["template"] != "Qwen3.jinja" or not plain or not context["messages"]:
            continue
        if context.get("enable_thinking") is not False:
            continue
        ids = encoder.encode([Turn(**message) for message in context["messages"]]).ids
        if line["case"] == "control_text_in_user":
            assert list(ids) != line["ids"]
            assert qwen.tokenizer.decode(list(ids)) == line["rendered"]
            harmless += 1
        else:
            assert list(ids) == line["ids"]
            same += 1
    assert (same, harmless) == (1, 1)
