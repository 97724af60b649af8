"""Contracts: classes of typed methods, and what they look like as text."""

import dataclasses
import inspect
from abc import ABC
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar, TypeVar, get_type_hints

from pileus_kit import decoding

F = TypeVar("F", bound=Callable[..., Any])

CAST_TIMEOUT_S = 30


@dataclasses.dataclass(frozen=True)
class MethodSpec:
    """How a method is called: since which version of the contract, for how long at most, with an answer or without."""

    since: str
    timeout_s: int
    has_answer: bool


def call(since: str, timeout_s: int = 60) -> Callable[[F], F]:
    """Declare a method with an answer. `timeout_s` bounds the whole call; a dead host is noticed much earlier."""
    return _declare(MethodSpec(since, timeout_s, has_answer=True))


def cast(since: str) -> Callable[[F], F]:
    """Declare a method without an answer. It may be lost, so whatever it causes has to happen later all the same."""
    return _declare(MethodSpec(since, CAST_TIMEOUT_S, has_answer=False))


def _declare(spec: MethodSpec) -> Callable[[F], F]:
    def mark(fn: F) -> F:
        fn.rpc = spec  # type: ignore[attr-defined]
        fn.__isabstractmethod__ = True  # type: ignore[attr-defined]
        return fn

    return mark


class Interface(ABC):
    """The base of contracts. Subclass it with `topic=` and `version=` to declare one; subclass that to implement it."""

    topic: ClassVar[str]
    version: ClassVar[str]
    contract: ClassVar[type["Interface"]]

    def __init_subclass__(cls, topic: str = "", version: str = "", **kw: Any) -> None:
        super().__init_subclass__(**kw)
        if topic:
            cls.topic, cls.version, cls.contract = topic, version, cls


def methods(contract: type) -> dict[str, Callable[..., Any]]:
    """Return the methods that a contract declares, by name."""
    return {name: fn for name, fn in vars(contract).items() if hasattr(fn, "rpc")}


def spec_of(fn: Callable[..., Any]) -> MethodSpec:
    """Return how a declared method is called."""
    spec: MethodSpec = fn.rpc  # type: ignore[attr-defined]
    return spec


@lru_cache(maxsize=512)
def signature_of(fn: Callable[..., Any]) -> tuple[inspect.Signature, dict[str, Any]]:
    """Return a method's parameters and types. msgspec gets to know the types here, before any thread uses them."""
    hints = get_type_hints(fn)
    for hint in hints.values():
        if hint is not type(None):
            decoding.decoder(hint)
    return inspect.signature(fn), hints


def describe(contract: type[Interface]) -> dict[str, str]:
    """Return the contract as text, a line for each method with dataclasses spelled out: `rpc.lock.json` records it."""
    described = {}
    for name, fn in methods(contract).items():
        hints = ", ".join(f"{arg}: {_spell(hint)}" for arg, hint in get_type_hints(fn).items())
        described[name] = f"{spec_of(fn).since} {hints}"
    return described


def _spell(hint: Any) -> str:
    if dataclasses.is_dataclass(hint):
        hints = get_type_hints(hint)
        fields = ", ".join(f"{f.name}: {_spell(hints[f.name])}" for f in dataclasses.fields(hint))
        return f"{getattr(hint, '__name__', hint)}({fields})"
    arguments = getattr(hint, "__args__", ())
    if arguments:
        origin = getattr(hint, "__origin__", None)
        return f"{getattr(origin, '__name__', '|')}[{', '.join(_spell(a) for a in arguments)}]"
    return getattr(hint, "__name__", str(hint))
