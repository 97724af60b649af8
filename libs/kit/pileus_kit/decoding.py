"""Values of declared types from what JSON carries.

The first use of a type by msgspec isn't safe in several threads (the process dies with SIGSEGV), so each type is made
known to it here, under one lock, before any thread uses it.
"""

import threading
from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

T = TypeVar("T")
_first = threading.Lock()


@cache
def decoder(kind: Any) -> Any:
    """Return the decoder of a type, which is made once."""
    with _first:
        return msgspec.json.Decoder(kind)


def decode(data: bytes | str, kind: type[T]) -> T:
    """Return the value of a JSON text. Raises msgspec.DecodeError, or ValidationError if it isn't a `kind`."""
    value: T = decoder(cast(Hashable, kind)).decode(data)
    return value


def convert(value: Any, kind: type[T]) -> T:
    """Return the `kind` that plain values stand for. Raises msgspec.ValidationError."""
    decoder(cast(Hashable, kind))
    return msgspec.convert(value, kind)
