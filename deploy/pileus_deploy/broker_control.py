"""What a running RabbitMQ node is told: accounts of machines come and go without a restart.

The commands go through `erl_call`, Erlang's own client, which takes milliseconds; rabbitmqctl takes a second or more.
"""

import base64
import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ERL_CALL = "/usr/bin/erl_call"
PATIENCE_S = 20
COOKIE = ".erlang.cookie"


class BrokerFailed(RuntimeError):
    """The node can't be reached, or refuses; the message is its answer."""


@dataclass(frozen=True)
class BrokerControl:
    """One node, by its port; `home` is a directory with the node's cookie that the caller may read."""

    port: int
    home: Path

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

    def _run(self, expression: str) -> str:
        node = f"pileus{self.port}@localhost"
        environment = {
            "HOME": str(self.home),
            "ERL_EPMD_PORT": str(self.port + 1),
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        }
        try:
            done = subprocess.run(
                [ERL_CALL, "-sname", node, "-e"],
                input=f"{expression}.\n",
                env=environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BrokerFailed("the broker doesn't answer") from None
        if done.returncode or "{ok," not in done.stdout or "error" in done.stdout.partition(",")[2][:40]:
            raise BrokerFailed((done.stderr or done.stdout).strip()[:500])
        return done.stdout
