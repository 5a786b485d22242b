"""Requests that OpenAI's own description allows, sent to a server; a process of its own, as schemathesis likes it.

In: the description's path and the server's URL.  Out: exit code 0, or the first request that was answered wrongly.
"""

import json
import sys
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

TO_US = {"/chat/completions": "default", "/embeddings": "embedder"}
CHECKS = [not_a_server_error, response_schema_conformance]


def main(spec: str, url: str, examples: int) -> None:
    schema: Any = schemathesis.openapi.from_dict(json.loads(Path(spec).read_text(encoding="utf-8")))
    for found in schema.get_all_operations():
        operation = found.ok()
        seen: list[int] = []

        @given(case=operation.as_strategy())
        @settings(
            max_examples=examples, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        def ask(case: Any) -> None:
            if isinstance(case.body, dict) and case.path in TO_US:
                case.body = {**case.body, "model": TO_US[case.path]}
                if "messages" in case.body:
                    case.body = {**case.body, "max_tokens": 4, "max_completion_tokens": None}
            response = case.call(base_url=f"{url}/v1", timeout=30)
            case.validate_response(response, checks=CHECKS)
            seen.append(response.status_code)  # noqa: B023

        ask()
        print(operation.path, {status: seen.count(status) for status in sorted(set(seen))}, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
