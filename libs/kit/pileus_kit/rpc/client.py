"""The calling end: arguments to plain values, plain values to results, and refusals to errors."""

from collections.abc import Callable
from typing import Any

import msgspec

from pileus_kit import context, decoding, spans
from pileus_kit.errors import HostDown, Transient
from pileus_kit.rpc import messaging
from pileus_kit.rpc.contracts import Interface, methods, signature_of, spec_of
from pileus_kit.rpc.refusals import Refused, RefusedForNow, RemoteFailure


class Client:
    """Has the methods of a contract. Each raises Refused, RefusedForNow, HostDown or RemoteFailure."""

    def __init__(self, contract: type[Interface], client: Any, callee: str, account: str) -> None:
        """`callee` names the host or topic that is called, in errors and spans."""
        self._methods, self._client, self._callee, self._account = methods(contract), client, callee, account

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self._methods:
            raise AttributeError(name)
        fn = self._methods[name]
        spec = spec_of(fn)
        signature, hints = signature_of(fn)

        def send(*args: Any, **kwargs: Any) -> Any:
            named = dict(signature.bind(None, *args, **kwargs).arguments)
            named.pop(next(iter(named)))  # self
            plain = {key: msgspec.to_builtins(value) for key, value in named.items()}
            rpc_context = _rpc_context(self._account)
            if not spec.has_answer:
                self._send(lambda: self._client.prepare(version=spec.since).cast(rpc_context, name, **plain))
                return None
            with spans.span(name, where=self._callee):
                prepared = self._client.prepare(version=spec.since, timeout=spec.timeout_s)
                answer = self._send(lambda: prepared.call(rpc_context, name, **plain))
                spans.adopt(answer.get("spans", []))
            return self._result(name, answer, hints.get("return", Any))

        return send

    def _send(self, attempt: Callable[[], Any]) -> Any:
        om = messaging.load()
        try:
            return attempt()
        except om.RPCVersionCapError:
            raise
        except om.MessageUndeliverable:
            raise HostDown(host=self._callee, why="nobody listens there") from None
        except (om.MessagingException, ConnectionError, OSError) as err:
            raise HostDown(host=self._callee, why=str(err) or type(err).__name__) from err

    def _result(self, name: str, answer: dict[str, Any], kind: Any) -> Any:
        if "refused" in answer:
            refused = answer["refused"]
            raise (RefusedForNow if refused["status"] == Transient.status else Refused)(**refused)
        if "failed" in answer:
            raise RemoteFailure(f"{self._callee}: {name}: {answer['failed']}")
        if "stale" in answer:
            raise HostDown(host=self._callee, why="it has seen a newer attempt of this job")
        return None if kind is type(None) else decoding.convert(answer["result"], kind)


def _rpc_context(account: str) -> dict[str, Any]:
    """Return what a call carries beside its arguments: the request and the job's attempt.

    `sender` is believed on a bus within a process only; elsewhere the broker replaces it.
    """
    work = context.work.get()
    job = (
        {
            "job": work.id,
            "subject": work.subject,
            "attempt": work.attempt,
            "undoing": work.undoing,
            "ends": work.ends,
        }
        if work
        else {}
    )
    return {"request_id": context.request_id.get(), "sender": account, **job}
