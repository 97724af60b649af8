"""Typed RPC over oslo.messaging: a contract is a class; the client has its methods, the server subclasses it.

    class HostAgent(Interface, topic="compute.agent", version="1.0"):
        @call(since="1.0", timeout_s=300)
        def boot(self, guest: Guest) -> GuestState: ...

    bus.client(HostAgent, "host1").boot(guest)       # in a worker
    bus.serve(Host(), "host1")                        # on the host; Host subclasses HostAgent

Only methods declared with `@call` or `@cast` are reachable. Arguments and results are frozen dataclasses or plain
values; msgspec turns them into what JSON can carry, and back.

The steps of a job carry their attempt along: an agent works on one call of a subject at a time, refuses an attempt
older than one it has seen, and does nothing more for a job of which it has undone something (`pileus_kit.rpc.fence`).

Who may call is decided by the sender's account (`pileus_kit.accounts`), for which the broker vouches: hosts obey their
service only, and speak for themselves only.
"""

from pileus_kit.rpc.agents import Agents
from pileus_kit.rpc.bus import Bus, Server
from pileus_kit.rpc.contracts import Interface, MethodSpec, call, cast, describe, methods
from pileus_kit.rpc.messaging import preload
from pileus_kit.rpc.refusals import NotAdmitted, Refused, RefusedForNow, RemoteFailure, refusal_of

__all__ = [
    "Agents",
    "Bus",
    "Interface",
    "MethodSpec",
    "NotAdmitted",
    "Refused",
    "RefusedForNow",
    "RemoteFailure",
    "Server",
    "call",
    "cast",
    "describe",
    "methods",
    "preload",
    "refusal_of",
]
