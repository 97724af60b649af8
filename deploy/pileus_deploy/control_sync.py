"""Keeps the control machines of a cloud alike: `python -m pileus_deploy.control_sync STATE`, on each of them.

On the first machine it looks twice a second whether machines, removed certificates, passwords or keys have changed, and
gives them to the registrar. On the others it asks the registrar as often, proving itself by the machine's certificate,
and applies what is new. So a machine that was removed is refused at each control machine within a second.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import requests

from pileus_deploy import (
    broker,
    configs,
    control_machines,
    control_state,
    haproxy,
    plan_files,
    supervisor,
    users,
)
from pileus_deploy.broker_control import BrokerFailed
from pileus_deploy.plan import Plan
from pileus_kit import logs
from pileus_kit.json_types import JsonObject
from pileus_kit.process import run_until_signal
from pileus_kit.tls import Certificates

log = logging.getLogger(__name__)

EVERY_S = 0.4
TIMEOUT_S = 5.0
GROW_EVERY_S = 30.0


class Giver:
    """The first machine's part: publishes the state whenever it has changed."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._seen, self._version = plan, "", ""
        self._machines = control_machines.names_of(control_machines.all_of(plan))

    def look(self) -> None:
        """Publish the state if it has changed, and have HAProxy know a machine that is new."""
        plan = plan_files.load(self._plan.state)
        assert plan is not None
        state = control_state.collect(plan)
        if state["version"] == self._version:
            return
        control_state.publish(plan, state)
        self._version = state["version"]
        if tuple(state["machines"]) != self._machines:
            self._machines = tuple(state["machines"])
            reload_proxy(plan)
            log.info("the control machines are %s now", ", ".join(self._machines))


class Taker:
    """The part of a control machine that joined."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._version = plan, ""
        files = [str(plan.tls_file(name)) for name in ("authority.pem", "machine.pem", "machine.key")]
        self._certificates = Certificates(*files)
        self._http = self._certificates.open_session()

    def look(self) -> None:
        """Ask for the state and apply it if it is new. Raises requests' errors."""
        url = f"https://{self._plan.controller}:{self._plan.host_port}/control"
        try:
            answer = self._http.get(url, params={"known": self._version}, timeout=TIMEOUT_S)
        except requests.RequestException:
            self._http = self._certificates.open_session()  # the certificate may have been renewed
            raise
        answer.raise_for_status()
        state = answer.json()
        if state["version"] != self._version:
            self._apply(state)
            self._version = state["version"]

    def _apply(self, state: JsonObject) -> None:
        plan = plan_files.load(self._plan.state)
        assert plan is not None
        control_state.replace_accounts(plan, state)
        known = set(haproxy.revoked_file(plan).read_text().split())
        for number in [number for number in state["revoked"] if number not in known]:
            haproxy.refuse(plan, [number], "")
        control_state.write_keys(plan, state)
        if tuple(state["machines"]) != plan.control_machines:
            addresses = tuple(machine.address for machine in control_state.machines_of(state))
            plan = replace(plan, control_machines=tuple(state["machines"]), brokers=addresses)
            plan_files.save(plan)
            reload_proxy(plan)
            log.info("the control machines are %s now", ", ".join(state["machines"]))
        if control_state.write_secrets(plan, state):
            configs.write(plan)
            broker.write_accounts(plan)
            users.set_owners(plan)
            log.info("there are new passwords or keys: processes start again with them")
            pid = supervisor.running(plan.state)
            if pid:
                os.kill(pid, signal.SIGHUP)


def reload_proxy(plan: Plan) -> None:
    """Have HAProxy take a new configuration."""
    haproxy.write_config(plan)
    users.set_tls_owners(plan)
    file = plan.state / "run" / "haproxy.pid"
    if file.exists():
        haproxy.reload(plan, int(file.read_text()))


def grow_queues(plan: Plan) -> None:
    """Give each queue a copy on this machine's node of the bus."""
    try:
        lacking = broker.control(plan).grow_queues()
    except BrokerFailed as err:
        log.warning("queues can't get copies on this node now: %s", err)
    else:
        if lacking:
            log.warning("%d queues of the bus have no copy on this node: their other machines are away", lacking)


def main(argv: Sequence[str] | None = None) -> None:
    """Look again and again until a signal ends the process."""
    plan = plan_files.load(Path((sys.argv[1:] if argv is None else argv)[0]))
    assert plan is not None
    logs.setup("control-sync")
    over = threading.Event()
    part: Giver | Taker = Taker(plan) if plan.controller else Giver(plan)

    def watch() -> None:
        is_failing = False
        while not over.wait(EVERY_S):
            try:
                part.look()
                is_failing = False
            except (requests.RequestException, OSError, ValueError) as err:
                if not is_failing:
                    log.warning("the first control machine's state can't be had: %s", err)
                is_failing = True

    def grow() -> None:
        while not over.wait(GROW_EVERY_S):
            grow_queues(plan)

    def start() -> None:
        for work in (watch, grow):
            threading.Thread(target=work, daemon=True).start()

    run_until_signal(start, over.set)


if __name__ == "__main__":
    main()
