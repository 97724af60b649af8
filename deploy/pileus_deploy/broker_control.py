"""What a running RabbitMQ node is told: accounts of machines come and go without a restart.

The commands go through `erl_call`, Erlang's own client, which takes milliseconds; rabbitmqctl takes a second or more.
"""

import base64
import json
import os
import secrets
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pileus_deploy import broker_cluster

ERL_CALL, ERL = "/usr/bin/erl_call", "/usr/bin/erl"
ASK = """
{ok, Tokens, _} = erl_scan:string(unicode:characters_to_list(iolist_to_binary(
    (fun Read() -> case io:get_line("") of eof -> []; Line -> [Line | Read()] end end)()))),
{ok, Expressions} = erl_parse:parse_exprs(Tokens),
Answer = erpc:call(list_to_atom(os:getenv("PILEUS_NODE")), erl_eval, exprs, [Expressions, []]),
io:format("{ok, ~0p}~n", [element(2, Answer)]), halt(0).
"""
PATIENCE_S = 20.0
GROW_PATIENCE_S = 60.0
LACKING = (
    "[Q || Q <- rabbit_amqqueue:list(), amqqueue:get_type(Q) =:= rabbit_quorum_queue, "
    "not lists:member(node(), maps:get(nodes, amqqueue:get_type_state(Q)))]"
)
"""The quorum queues that have no copy on the node that is asked."""
COOKIE = ".erlang.cookie"


class BrokerFailed(RuntimeError):
    """The node can't be reached, or refuses; the message is its answer."""


@dataclass(frozen=True)
class BrokerControl:
    """One node, by its port; `home` is a directory with the node's cookie that the caller may read.

    A node at an `address` is one of several that speak TLS to each other, by the certificate in `proofs`. erl_call
    can't do that, so such a node is asked by Erlang itself, which takes half a second to start.
    """

    port: int
    home: Path
    address: str = ""
    proofs: Path = Path()

    def check(self) -> None:
        """Raises BrokerFailed unless the node takes accounts: one that starts doesn't yet."""
        self._run("true = rabbit:is_running()")

    def import_definitions(self, definitions: Mapping[str, object]) -> None:
        """Add accounts and rights, or replace those of the same name."""
        encoded = base64.b64encode(json.dumps(definitions).encode()).decode()
        self._run(f'rabbit_definitions:import_raw(base64:decode(<<"{encoded}">>))')

    def delete_accounts(self, names: Iterable[str]) -> None:
        """Delete accounts, and wait until their connections are closed."""
        binaries = ",".join(f"<<{json.dumps(name)}>>" for name in names)
        self._run(
            "lists:foreach(fun(N) -> case rabbit_auth_backend_internal:exists(N) of true -> "
            'rabbit_auth_backend_internal:delete_user(N, <<"pileus">>); false -> ok end, '
            f'rabbit_networking:close_all_user_connections(N, "the machine was removed") end, [{binaries}])'
        )

    def grow_queues(self) -> int:
        """Give every quorum queue a copy on this node: those that were made without it have none.

        A queue whose leader is away can't get one. Returns how many have none afterwards, or raises BrokerFailed.
        """
        add = "rabbit_quorum_queue:add_member(V, N, node(), 5000)"
        led = "lists:member(element(2, amqqueue:get_pid(Q)), [node() | nodes()])"
        self._run(
            f"case rabbit:is_running() of true -> [catch {add} || Q <- {LACKING}, {led}, "
            "{resource, V, queue, N} <- [amqqueue:get_name(Q)]], ok; false -> not_yet end",
            GROW_PATIENCE_S,
        )
        return self.count_lacking()

    def count_lacking(self) -> int:
        """Return how many quorum queues have no copy on this node. Raises BrokerFailed, also while the node starts."""
        return int(self._run(f"true = rabbit:is_running(), length({LACKING})").strip().rstrip("}").rpartition(" ")[2])

    def _erlang(self) -> list[str]:
        """Return the command of an Erlang node that has the named one evaluate its standard input."""
        secured = broker_cluster.tls_arguments(self.proofs / "nodes.conf").split()
        own = ["-name", f"ask{os.getpid()}x{secrets.token_hex(4)}@{self.address}", "-hidden", "-dist_listen", "false"]
        ticks = ["-kernel", "net_ticktime", str(broker_cluster.TICK_S)]  # the node leaves who is silent for so long
        return [ERL, "+S", "1:1", "-noinput", "-noshell", *own, *ticks, *secured, "-eval", ASK]

    def _run(self, expression: str, patience_s: float = PATIENCE_S) -> str:
        node = f"pileus{self.port}@{self.address or 'localhost'}"
        environment = {
            "HOME": str(self.home),
            "ERL_EPMD_PORT": str(self.port + 1),
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        }
        if self.address:
            environment |= {"PILEUS_NODE": node, "LANG": "C.UTF-8", "ERL_CRASH_DUMP": "/dev/null"}
        try:
            done = subprocess.run(
                self._erlang() if self.address else [ERL_CALL, "-sname", node, "-e"],
                input=f"{expression}.\n",
                env=environment,
                capture_output=True,
                text=True,
                timeout=patience_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BrokerFailed("the broker doesn't answer") from None
        if done.returncode or "{ok," not in done.stdout or "error" in done.stdout.partition(",")[2][:40]:
            raise BrokerFailed((done.stderr or done.stdout).strip()[:500])
        return done.stdout
