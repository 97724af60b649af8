"""Options: the fields of each service's Config."""

import re
import socket
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from typing import Any

from houses import SERVICES, module
from tables import code, table

from pileus_kit.config import ServiceConfig

HEAD = """\
# Configuration

A service reads `--config FILE` (INI, everything in `[DEFAULT]`); `deploy/up` writes the files into `etc/` of the state
directory. An environment variable `PILEUS_<OPTION>` wins over the file. Options marked *secret* are never logged.

## Options of every service

"""


def page() -> str:
    common = {field.name: field for field in fields(ServiceConfig)}
    text = HEAD + _options(common.values())
    for service in SERVICES:
        own = [
            field
            for field in fields(module(service, "config").Config)
            if field.name not in common or field.default != common[field.name].default
        ]
        text += f"\n## {service}\n\n" + _options(own)
    return text


def _options(found: Any) -> str:
    return table(("option", "type", "default", "what it says"), (_row(field) for field in found))


def _row(field: Field[Any]) -> Iterator[object]:
    yield code(field.name)
    yield re.sub(r"<class '(\w+)'>", r"\1", str(field.type)).replace("tuple[str, ...]", "list")
    yield _default(field)
    yield field.metadata["help"] + (" (*secret*)" if field.metadata["secret"] else "")


def _default(field: Field[Any]) -> str:
    if field.default is MISSING:
        return "must be given"
    if field.default == socket.gethostname():
        return "the machine's name"
    shown = ",".join(field.default) if isinstance(field.default, tuple) else field.default
    return code(shown) or "empty"
