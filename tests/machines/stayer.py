"""Keeps using a machine's credentials, on the connections that it has and on new ones.

Prints a line for each attempt: what, ok or refused, and the time when it began.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import amqp
import requests
from attacks import STATE, Taken

from pileus_deploy import authority, plan_files
from pileus_kit.tls import Certificates

PAUSE_S = 0.1
NONE = "00000000-0000-4000-8000-000000000000"
"""An image and a server that don't exist: whoever may ask is told just that."""


def report(what: str, attempt: Callable[[], object]) -> None:
    began = time.time()
    try:
        attempt()
    except (amqp.AMQPError, requests.RequestException, OSError) as err:
        print(f"{what} refused {type(err).__name__} {began}", flush=True)
    else:
        print(f"{what} ok {began}", flush=True)


def main() -> None:
    plan = plan_files.load(Path(STATE))
    assert plan is not None
    taken = Taken(plan, NONE, NONE, "")
    kept, queue = taken.connection(), f"compute.agent.{plan.host}"
    channel, session = kept.channel(), Certificates(*taken.files).open_session()
    _, request = authority.new_request()

    def ask(http: requests.Session) -> None:
        body = {"request": authority.pem(request)}
        http.post(f"{plan.host_url}/renew", json=body, timeout=5).raise_for_status()

    def look(answer: str) -> None:
        if answer.startswith("403 "):
            raise PermissionError(answer)

    while True:
        report("kept bus", lambda: channel.basic_get(queue))
        report("kept renewal", lambda: ask(session))
        report("bus", lambda: taken.connection().close())
        report("renewal", lambda: ask(Certificates(*taken.files).open_session()))
        report("image data", lambda: look(taken.get(f"/v2/data/{taken.image}")))
        report("metadata", lambda: look(taken.metadata(plan.host)))
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    sys.exit(main())
