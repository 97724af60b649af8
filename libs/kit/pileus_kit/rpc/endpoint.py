"""The answering end: plain values to arguments, errors to values, and one call about a subject at a time."""

import logging
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import msgspec

from pileus_kit import accounts, context, decoding, fault_messages, spans
from pileus_kit.rpc import messaging
from pileus_kit.rpc.contracts import Interface, methods, signature_of
from pileus_kit.rpc.fence import Fence
from pileus_kit.rpc.refusals import NotAdmitted, refusal_of

log = logging.getLogger(__name__)


class Endpoint:
    """Answers for an implementation of a contract. oslo.messaging finds the methods that it exposes by name."""

    def __init__(
        self,
        implementation: Interface,
        target: Any,
        allow_anonymous: bool = False,
        origins: Collection[str] | None = None,
        destroyed_file: Path | None = None,
    ) -> None:
        """`allow_anonymous` admits senders without an account, on a bus within a process only."""
        expose = messaging.load().expose

        self._allow_anonymous, self._origins = allow_anonymous, origins
        self.implementation, self.target, self._fence = implementation, target, Fence(destroyed_file)
        for name, fn in methods(implementation.contract).items():
            setattr(self, name, expose(self._receiver(name, fn)))

    def _receiver(self, name: str, fn: Callable[..., Any]) -> Callable[..., Any]:
        hints = signature_of(fn)[1]

        def receive(ctxt: dict[str, Any], **raw: Any) -> dict[str, Any]:
            with spans.collected() as found:
                answer = self._answer(name, hints, ctxt, raw)
            return answer | {"spans": found} if found else answer

        return receive

    def _answer(self, name: str, hints: dict[str, Any], ctxt: dict[str, Any], raw: dict[str, Any]) -> dict[str, Any]:
        token = context.request_id.set(ctxt.get("request_id", ""))
        try:
            arguments = {key: decoding.convert(value, hints[key]) for key, value in raw.items() if key in hints}
            self._admit(ctxt.get("sender", ""), name, arguments)
            self._check_origins(raw)
            with self._fence.turn(ctxt) as may_run:
                if not may_run:
                    return {"stale": True}
                return {"result": msgspec.to_builtins(getattr(self.implementation, name)(**arguments))}
        except NotAdmitted as err:
            log.warning("%s refused: %s", name, err)
            return {"refused": {"kind": err.type, "why": str(err), "status": err.status}}
        except Exception as err:
            return _failure(name, err)
        finally:
            context.request_id.reset(token)

    def _admit(self, sender: str, name: str, arguments: dict[str, Any]) -> None:
        """Raise NotAdmitted unless this account may make the call; a host's may only speak for that host."""
        if not sender and self._allow_anonymous:
            return
        account = accounts.parse(sender)
        if not account.may_call(self.implementation.topic):
            caller = sender or "A sender without an account"
            raise NotAdmitted(why=f"{caller} may not call {self.implementation.topic}.{name}")
        others = _hosts_named(arguments) - {account.host} if account.host else None
        if others:
            raise NotAdmitted(why=f"{sender} may not speak for {', '.join(sorted(others))}")

    def _check_origins(self, raw: dict[str, Any]) -> None:
        """Raise NotAdmitted if a URL doesn't lead to one of our own services: its owner would get tenants' data."""
        if self._origins is None:
            return
        foreign = {accounts.origin(url) for url in accounts.urls_in(raw)} - set(self._origins)
        if foreign:
            raise NotAdmitted(why=f"{', '.join(sorted(foreign))} is no service that this host exchanges data with")


def _failure(name: str, err: Exception) -> dict[str, Any]:
    """Return the answer that an error of the implementation is."""
    refusal = refusal_of(err)
    if refusal is None:
        log.exception("%s failed", name)
        return {"failed": f"{type(err).__name__}: {err}"}
    log.info("%s refused: %s", name, err)
    why = fault_messages.without_internals(str(refusal))
    return {"refused": {"kind": refusal.type, "why": why, "status": refusal.status}}


def _hosts_named(arguments: dict[str, Any]) -> set[str]:
    """Return the hosts that a call is about: an argument called host, or the field of that name in another one."""
    named = [value if key == "host" else getattr(value, "host", None) for key, value in arguments.items()]
    return {host for host in named if isinstance(host, str)}
