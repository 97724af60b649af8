"""Typed RPC over oslo.messaging: the contract is a class, the client wears it, the server subclasses it.

Only methods declared with `@call` or `@cast` are reachable. Arguments and results are frozen dataclasses or plain
values; msgspec turns them into what JSON can carry and back. A job's steps carry their attempt along: an agent works
on one call of a subject at a time, refuses an attempt older than one it has seen, and does nothing more for a job of
which it has undone something.

Who may call is decided by the sender's account (`pileus_kit.accounts`), for which the broker vouches: hosts obey their
service only, and speak for themselves only.
"""

import dataclasses
import errno
import inspect
import logging
import os
import sys
from abc import ABC
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_type_hints
from typing import cast as typed

import msgspec

from pileus_kit import accounts, context, decoding, fault_messages, rabbit, spans
from pileus_kit.errors import CloudError, HostDown, OutOfSpace, Transient
from pileus_kit.fences import Fence

log = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])

SILENCE = 10  # seconds without a sign of life from whoever works on our call: it is dead


class Refused(CloudError):
    """The other side said no, with a reason; `kind` is the name of its error."""

    status = 409
    text = "{why}"

    def __init__(self, kind: str, why: str, status: int = 409) -> None:
        self.kind, self.status = kind, status
        super().__init__(why=why)


class RefusedForNow(Refused, Transient):
    """The other side said: not yet (its error was a Transient). A flow waits and tries the same step again."""


class NotAdmitted(CloudError):
    """This account has no business to call that, or to speak for that host."""

    status = 403
    text = "{why}"


class RemoteFailure(Exception):
    """A bug on the other side; its log has the traceback under our request id."""


@dataclasses.dataclass(frozen=True)
class Terms:
    """How a method is called: since which version of the contract, at most how long, with or without an answer."""

    since: str
    timeout: int
    answers: bool


def call(since: str, timeout: int = 60) -> Callable[[F], F]:
    """A method with an answer. `timeout`: seconds for the whole call; a dead host is noticed much earlier."""
    return _terms(Terms(since, timeout, answers=True))


def cast(since: str) -> Callable[[F], F]:
    """A method without an answer: it may be lost, so somebody must notice if it is."""
    return _terms(Terms(since, 30, answers=False))


def _terms(terms: Terms) -> Callable[[F], F]:
    def mark(fn: F) -> F:
        fn.rpc = terms  # type: ignore[attr-defined]
        fn.__isabstractmethod__ = True  # type: ignore[attr-defined]
        return fn

    return mark


class Interface(ABC):
    """Subclass with `topic=` and `version=` to declare a contract; subclass that to answer it."""

    topic: ClassVar[str]
    version: ClassVar[str]
    contract: ClassVar[type["Interface"]]

    def __init_subclass__(cls, topic: str = "", version: str = "", **kw: Any) -> None:
        super().__init_subclass__(**kw)
        if topic:
            cls.topic, cls.version, cls.contract = topic, version, cls


def methods(contract: type) -> dict[str, Callable[..., Any]]:
    return {name: fn for name, fn in vars(contract).items() if hasattr(fn, "rpc")}


def describe(contract: type[Interface]) -> dict[str, str]:
    """The contract as text, a line a method, dataclasses spelled out: what `rpc.lock.json` records."""
    described = {}
    for name, fn in methods(contract).items():
        hints = ", ".join(f"{arg}: {_spell(hint)}" for arg, hint in get_type_hints(fn).items())
        described[name] = f"{fn.rpc.since} {hints}"  # type: ignore[attr-defined]
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


# -- the bus -------------------------------------------------------------------------------------------------------


class Bus:
    """One connection to the message bus: `rabbit://user:password@host:port/vhost`, or `fake://` within a process."""

    def __init__(self, url: str, me: str = "pileus") -> None:
        self._om, self.url, self.account = _messaging(), url, accounts.of_url(url)
        self.transport = self._om.get_rpc_transport(_settings(url, me), url=url)
        if url.startswith("rabbit"):
            rabbit.confine(self.transport, self.account)

    def client(self, contract: type["I"], host: str | None = None) -> "I":
        """Somebody who answers `contract`: the one on `host`, or any of them."""
        target = self._om.Target(
            topic=contract.topic, server=host, version="1.0", exchange=accounts.exchange(contract.topic, host)
        )
        fake = self.url.startswith("fake")
        client = self._om.get_rpc_client(
            self.transport,
            target,
            version_cap=contract.version,
            call_monitor_timeout=None if fake else SILENCE,
            # nobody listens: say so at once instead of waiting for an answer
            transport_options=None if fake else self._om.TransportOptions(at_least_once=True),
        )
        return typed("I", _Client(contract, client, host or contract.topic, self._om, self.account.name))

    def serve(
        self,
        implementation: Interface,
        host: str,
        threads: int = 8,
        origins: Collection[str] | None = None,
        memory: Path | None = None,
    ) -> "Server":
        """Answer until the server is stopped. `origins`: the only ones that URLs in calls may have; None: any.
        `memory`: the file that remembers what was destroyed here."""
        target = self._om.Target(
            topic=implementation.topic, server=host, exchange=accounts.exchange(implementation.topic, host)
        )
        endpoint = _Endpoint(
            implementation,
            self._om.Target(version=implementation.version),
            anybody=self.url.startswith("fake"),
            origins=origins,
            memory=memory,
        )
        server = self._om.get_rpc_server(
            self.transport, target, [endpoint], executor="threading", access_policy=self._om.ExplicitRPCAccessPolicy
        )
        server._executor_cls = ThreadPoolExecutor  # its own kind of pool wakes every idle thread once a second
        server.start(override_pool_size=threads)
        return Server(server)

    def close(self) -> None:
        self.transport.cleanup()


I = TypeVar("I", bound=Interface)  # noqa: E741


class Server:
    """A contract being served."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def stop(self) -> None:
        self._server.stop()
        self._server.wait()


def _messaging() -> Any:
    """oslo.messaging on threads. It would import eventlet where it finds it, which nothing here is patched for."""
    if "eventlet" not in sys.modules:
        sys.modules["eventlet"] = None  # type: ignore[assignment]
    from oslo_service import backend

    backend.init_backend(backend.BackendType.THREADING)
    import oslo_messaging

    return oslo_messaging


def preload() -> None:
    """Import what a bus needs, so that forked processes share it."""
    _messaging()
    import oslo_messaging._drivers.impl_rabbit  # noqa: F401


def _settings(url: str, me: str) -> Any:
    """A private set of oslo options (oslo.messaging registers two of its groups on the global one only)."""
    from oslo_config import cfg
    from oslo_messaging._metrics import client as metrics
    from oslo_messaging._tracing import client as tracing

    conf = cfg.ConfigOpts()
    conf([], project="pileus", default_config_files=[], default_config_dirs=[])
    conf.register_opts(tracing.oslo_messaging_tracing, group="oslo_messaging_tracing")
    conf.register_opts(metrics.oslo_messaging_metrics, group="oslo_messaging_metrics")
    if url.startswith("rabbit"):
        from oslo_messaging._drivers import amqp, impl_rabbit

        conf.register_opts(impl_rabbit.rabbit_opts + amqp.amqp_opts, group="oslo_messaging_rabbit")
        for name, value in BROKER.items():
            conf.set_override(name, value, group="oslo_messaging_rabbit")
    return conf


# Nothing in the bus has to outlive the broker: jobs are in the database and whoever waits for an answer asks again.
# So queues are plain and expire; see docs/decisions for the figures against quorum queues.
BROKER: dict[str, Any] = {
    "heartbeat_timeout_threshold": 30,
    "heartbeat_rate": 2,
    "kombu_reconnect_delay": 0.5,
    "rabbit_retry_interval": 1,
    "rabbit_retry_backoff": 1,
    "rabbit_interval_max": 1,
    "rabbit_transient_queues_ttl": 300,
}


# -- both ends -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _shape(fn: Callable[..., Any]) -> tuple[inspect.Signature, dict[str, Any]]:
    """How a method is called and what its types are, which are made known before anybody uses them."""
    hints = get_type_hints(fn)
    for hint in hints.values():
        if hint is not type(None):
            decoding.decoder(hint)
    return inspect.signature(fn), hints


class _Client:
    def __init__(self, contract: type[Interface], client: Any, whom: str, om: Any, me: str) -> None:
        self._methods, self._client, self._whom, self._om, self._me = methods(contract), client, whom, om, me

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self._methods:
            raise AttributeError(name)
        fn = self._methods[name]
        terms: Terms = fn.rpc  # type: ignore[attr-defined]
        signature, hints = _shape(fn)

        def send(*args: Any, **kwargs: Any) -> Any:
            named = dict(signature.bind(None, *args, **kwargs).arguments)
            named.pop(next(iter(named)))
            plain = {key: msgspec.to_builtins(value) for key, value in named.items()}
            if not terms.answers:
                self._send(lambda: self._client.prepare(version=terms.since).cast(self._baggage(), name, **plain))
                return None
            with spans.span(name, where=self._whom):
                answer = self._send(
                    lambda: self._client.prepare(version=terms.since, timeout=terms.timeout).call(
                        self._baggage(), name, **plain
                    )
                )
                spans.adopt(answer.get("spans", []))
            if "refused" in answer:
                refused = answer["refused"]
                raise (RefusedForNow if refused["status"] == Transient.status else Refused)(**refused)
            if "failed" in answer:
                raise RemoteFailure(f"{self._whom}: {name}: {answer['failed']}")
            if "stale" in answer:
                raise HostDown(host=self._whom, why="it has seen a newer attempt of this job")
            returns = hints.get("return", Any)
            return None if returns is type(None) else decoding.convert(answer["result"], returns)

        return send

    def _send(self, attempt: Callable[[], Any]) -> Any:
        try:
            return attempt()
        except self._om.RPCVersionCapError:
            raise
        except self._om.MessageUndeliverable:
            raise HostDown(host=self._whom, why="nobody listens there") from None
        except (self._om.MessagingException, ConnectionError, OSError) as err:
            raise HostDown(host=self._whom, why=str(err) or type(err).__name__) from err

    def _baggage(self) -> dict[str, Any]:
        """`sender` is for a bus within a process; a broker's word replaces it."""
        work = context.work.get()
        about = (
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
        return {"request_id": context.request_id.get(), "sender": self._me, **about}


class _Endpoint:
    """Answers for an implementation: types in and out, errors as values, one call of a subject at a time."""

    def __init__(
        self,
        implementation: Interface,
        target: Any,
        anybody: bool = False,
        origins: Collection[str] | None = None,
        memory: Path | None = None,
    ) -> None:
        """`anybody`: who has no account may call, too; on a bus within a process only."""
        expose = _messaging().expose

        self._anybody, self._origins = anybody, origins
        self.implementation, self.target, self._fence = implementation, target, Fence(memory)
        for name, fn in methods(implementation.contract).items():
            setattr(self, name, expose(self._receiver(name, fn)))

    def _receiver(self, name: str, fn: Callable[..., Any]) -> Callable[..., Any]:
        hints = _shape(fn)[1]
        implemented = getattr(self.implementation, name)

        def receive(ctxt: dict[str, Any], **raw: Any) -> Any:
            with spans.collected() as found:
                answer = attempt(ctxt, raw)
            return answer | {"spans": found} if found else answer

        def attempt(ctxt: dict[str, Any], raw: dict[str, Any]) -> dict[str, Any]:
            token = context.request_id.set(ctxt.get("request_id", ""))
            try:
                known = {key: decoding.convert(value, hints[key]) for key, value in raw.items() if key in hints}
                self._admit(ctxt.get("sender", ""), name, known)
                self._check_origins(raw)
                with self._fence.turn(ctxt) as mine:
                    if not mine:
                        return {"stale": True}
                    return {"result": msgspec.to_builtins(implemented(**known))}
            except NotAdmitted as err:
                log.warning("%s refused: %s", name, err)
                return {"refused": {"kind": err.type, "why": str(err), "status": err.status}}
            except Exception as err:
                no = refusal_of(err)
                if no is None:
                    log.exception("%s failed", name)
                    return {"failed": f"{type(err).__name__}: {err}"}
                log.info("%s refused: %s", name, err)
                return {
                    "refused": {"kind": no.type, "why": fault_messages.without_internals(str(no)), "status": no.status}
                }
            finally:
                context.request_id.reset(token)

        return receive

    def _admit(self, sender: str, name: str, known: dict[str, Any]) -> None:
        """Raise NotAdmitted unless this account may call us, and speaks for its own host if it is one's."""
        if not sender and self._anybody:
            return
        account = accounts.parse(sender)
        if not account.may_call(self.implementation.topic):
            raise NotAdmitted(why=f"{sender or 'nobody'} may not call {self.implementation.topic}.{name}")
        others = _hosts_named(known) - {account.host} if account.host else None
        if others:
            raise NotAdmitted(why=f"{sender} may not speak for {', '.join(sorted(others))}")

    def _check_origins(self, raw: dict[str, Any]) -> None:
        """Raise NotAdmitted if a URL leads elsewhere than to our own services: whoever sends it would get our data."""
        if self._origins is None:
            return
        foreign = {accounts.origin(url) for url in accounts.urls_in(raw)} - set(self._origins)
        if foreign:
            raise NotAdmitted(why=f"{', '.join(sorted(foreign))} is no service that this host exchanges data with")


def _hosts_named(arguments: dict[str, Any]) -> set[str]:
    """The hosts that a call is about: an argument of that name, or one in what is reported."""
    named = [value if key == "host" else getattr(value, "host", None) for key, value in arguments.items()]
    return {host for host in named if isinstance(host, str)}


def refusal_of(err: Exception) -> CloudError | None:
    """What the other end is told of `err`: its sentence, or that there is no space left. None for a bug."""
    full = isinstance(err, OSError) and err.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or (isinstance(err, CloudError) and err.status >= 500 and os.strerror(errno.ENOSPC) in str(err)):
        return OutOfSpace()
    return err if isinstance(err, CloudError) else None
