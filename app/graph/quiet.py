"""Keep every library of this room silent: no telemetry, no look-ups on the network, no journal text in logs.

Knows environment variables, warnings and logger names; knows nothing of graphs.
In: nothing.  Out: graphiti, imported quietly; every module of this room imports this one before graphiti.
"""

import logging
import os
import warnings

# Read when its library is imported or first used, so set before any import of it.
SWITCHES = {
    "GRAPHITI_TELEMETRY_ENABLED": "false",  # a PostHog event at every Graphiti(), and a file in ~/.cache
    "POSTHOG_DISABLED": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # litellm (under DSPy) fetches its price list at import
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
os.environ.update(SWITCHES)

# graphiti logs failed queries with their parameters (the journal's words) and entity names in its warnings.
# Every child logger passes through the parent: a dead end there is enough, whatever level a child has.
# Neo4j's client warns of labels that a new database does not know yet.
for _library in ("graphiti_core", "neo4j"):
    _log = logging.getLogger(_library)
    _log.handlers = [logging.NullHandler()]
    _log.propagate = False

# A cancelled episode leaves behind searches that graphiti had queued and never began; there is nothing to await.
warnings.filterwarnings(
    "ignore", message=r"coroutine '\w*(search|extract|resolve|embeddings|edge)\w*' was never awaited"
)

with warnings.catch_warnings():
    # graphiti 0.31 still writes a class-based pydantic config; nobody here can change that.
    warnings.filterwarnings("ignore", message="Support for class-based `config`", module=r"graphiti_core\.")
    import graphiti_core  # noqa: F401
