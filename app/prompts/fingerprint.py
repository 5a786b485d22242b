"""A name for what the model is asked today, so that a model trained on other prompts is known to be stale.

Knows every builder of the library; knows no model. In: nothing.  Out: sixteen hexadecimal digits.
"""

import hashlib
import json
from collections.abc import Iterator

from app.prompts.inputs import dated
from app.prompts.library import JournalPrompts, PromptCall, render, take_call
from app.prompts.schemas import answer
from app.prompts.signatures import ENTITY_TYPES, AnswerQuestion


def prompts_fingerprint() -> str:
    """Changes with any rule, field, rendering or answer shape: a model trained on other prompts is stale."""
    asked = _specimen_calls()
    shown: list[object] = [[call.messages, call.schema] for call in asked]
    line = dated("Ada met Eva.", "2024-04-03", None)
    shown.append([render(AnswerQuestion, {"facts_of_journal": line, "writer": "Ada", "question": "?"}), answer([line])])
    return hashlib.sha256(json.dumps(shown, ensure_ascii=False).encode()).hexdigest()[:16]


def _specimen_calls() -> Iterator[PromptCall]:
    """Every builder's call on one small entry."""
    prompts, day, text = JournalPrompts(owner="Ada"), "2024-04-03T00:00:00+00:00", "Met Eva in Bonn yesterday."
    eva = {"name": "Eva", "entity_types": ["Person"], "entity_type": ["Person"], "summary": "A friend."}
    fact = {"idx": 0, "fact": "Ada met Eva."}
    builders = prompts.extract_text, prompts.edge, prompts.nodes, prompts.resolve_edge, prompts.extract_timestamps
    for build in (*builders, prompts.extract_summaries_batch):
        build(
            {
                "episode_content": text, "episode_timestamp": day, "reference_time": day, "fact": text,
                "entity_types": [{"entity_type_name": n, "entity_type_id": i} for i, n in enumerate(ENTITY_TYPES)],
                "nodes": [eva, {**eva, "name": "Ada"}], "previous_episodes": [{"content": text, "timestamp": day}],
                "existing_nodes": [{**eva, "candidate_id": 0}], "extracted_nodes": [eva], "entities": [eva],
                "existing_edges": [fact], "edge_invalidation_candidates": [{**fact, "idx": 1}], "new_edge": text,
            }
        )  # fmt: skip
        call = take_call()
        assert call is not None
        yield call
