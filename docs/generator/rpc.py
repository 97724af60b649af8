"""Contracts of the bus: what the lock files record."""

import json
from typing import Any

from houses import SERVICES, TOP
from tables import code

HEAD = """\
# Calls over the bus

What workers and agents ask of each other, from the services' `rpc.lock.json`: the version since which a method exists,
its arguments and its result. A change that old callers wouldn't survive fails the tests; additions raise the minor
version. What each method does stands in the service's `rpc.py`.
"""


def page() -> str:
    text = HEAD
    for service in SERVICES:
        for lock in sorted((TOP / "services" / service / f"pileus_{service}").rglob("rpc.lock.json")):
            recorded = json.loads(lock.read_text())
            if "messages" in recorded:
                text += f"\n## {service}'s storage servers, version {recorded['version']}\n\n"
                text += _messages(recorded["messages"])
                continue
            for topic, contract in recorded.items():
                text += f"\n## {topic}, version {contract['version']}\n\n" + _methods(contract["methods"])
    return text


def _methods(methods: dict[str, str]) -> str:
    lines = []
    for name, described in methods.items():
        since, _, hints = described.partition(" ")
        lines.append(f"- **{name}** (since {since}): {code(hints)}\n")
    return "".join(lines)


def _messages(messages: dict[str, Any]) -> str:
    """Messages as the HTTP calls between proxies, storage servers and workers carry them, with their fields."""
    return "".join(
        f"- **{name}**: {', '.join(code(field) for field in schema.get('properties', {}))}\n"
        for name, schema in sorted(messages.items())
    )
