"""`pileus cloud rotate`: new passwords and keys while the cloud runs.

Guests run on, and tokens stay valid. Services that read a secret only when they start are restarted: for some seconds
they don't answer, and work that is under way continues afterwards.
"""

import importlib
import os
import secrets
import signal
from collections.abc import Callable
from functools import partial

from pileus_deploy import bootstrap, broker, configs, lifecycle, privileges, supervisor, users
from pileus_deploy.host_records import HostRecords
from pileus_deploy.plan import PORTS, SERVICES, Plan
from pileus_deploy.progress import step, wait_for

SEALING = tuple(name for name, service in SERVICES.items() if service.seals)


def rotate(plan: Plan, what: str) -> None:
    """Rotate one of KINDS, or "all" of them."""
    kinds = list(KINDS) if what == "all" else [what]
    members = [record.name for record in HostRecords(plan.state / "registrar").members()]
    keepers = [record.name for record in HostRecords(plan.state / "registrar").members() if "object" in record.roles]
    if "cluster" in kinds and keepers:
        raise RuntimeError(
            f"{', '.join(keepers)} keep objects and have the cluster's key: it can't be rotated under them"
        )
    if "metadata" in kinds and members:
        raise RuntimeError(
            f"{', '.join(members)} have a share of the metadata secret from when they joined: rotate the other kinds "
            "one by one, or remove those machines first"
        )
    for kind in kinds:
        with step(kind):
            KINDS[kind](plan)
    if set(kinds) & set(READ_AT_START):
        _restart_processes(plan)
    if "seals" in kinds:
        _reseal(plan)


def _rotate_passwords(plan: Plan) -> None:
    """Rotate the passwords of the services' users. Identity gets them first; a service with an old one waits until it
    is restarted."""
    _replace_secrets(plan, lambda name: name in PORTS)


def _rotate_bus_passwords(plan: Plan) -> None:
    _replace_secrets(plan, lambda name: name.startswith("bus "))


def _rotate_metadata_secret(plan: Plan) -> None:
    _replace_secrets(plan, lambda name: name == "metadata")


def _rotate_sealing_keys(plan: Plan) -> None:
    """Rotate the keys that seal users' data in databases. The former keys stay known until the next rotation."""
    fresh = {
        name: f"{secrets.token_urlsafe(18)},{plan.secrets[name].partition(',')[0]}"
        for name in (f"{service} seal" for service in SEALING)
    }
    _replace_secrets(plan, lambda name: name in fresh, fresh)


def _reseal(plan: Plan) -> None:
    """Seal the data again, once the services that read the databases know the new keys."""
    for service in SEALING:
        if supervisor.running(plan.state):
            wait_for(service, 120, partial(lifecycle.is_healthy, plan, service))
        main = importlib.import_module(f"pileus_{service}.manage").main
        arguments = ["reseal", "--config", str(plan.config_file(service))]
        privileges.as_user(users.user_of(service), users.GROUP, partial(main, arguments), [plan.state])


def _replace_secrets(plan: Plan, chosen: Callable[[str], bool], given: dict[str, str] | None = None) -> None:
    """Replace the chosen secrets, or set those `given`, and restart the processes that use them."""
    plan.renew_secrets(chosen, given or {})
    configs.write(plan)
    broker.write_accounts(plan)
    users.set_owners(plan)
    privileges.as_user(users.user_of("identity"), users.GROUP, lambda: bootstrap.bootstrap_identity(plan), [plan.state])


def _rotate_cluster_key(plan: Plan) -> None:
    """Rotate the key that proxies and storage servers of the object store share; the first one to start draws
    another."""
    (plan.state / "objectstore" / "cluster.key").unlink(missing_ok=True)
    if plan.tls:
        configs.write(plan)  # the registrar gives it to machines that join
        users.set_owners(plan)


def _rotate_ticket_key(plan: Plan) -> None:
    """Rotate the key that signs image tickets. A host that is about to use an old ticket is refused, and asks again."""
    (plan.state / "image" / "ticket.key").unlink(missing_ok=True)


def _command(service: str, command: str) -> Callable[[Plan], None]:
    """A rotation that a service's own manage command makes, as the service's user."""

    def run(plan: Plan) -> None:
        main = importlib.import_module(f"pileus_{service}.manage").main
        arguments = ["--config", str(plan.config_file(service)), command]
        privileges.as_user(users.user_of(service), users.GROUP, partial(main, arguments), [plan.state])

    return run


KINDS: dict[str, Callable[[Plan], None]] = {
    "passwords": _rotate_passwords,
    "bus": _rotate_bus_passwords,
    "metadata": _rotate_metadata_secret,
    "seals": _rotate_sealing_keys,
    "cluster": _rotate_cluster_key,
    "tickets": _rotate_ticket_key,
    "tokens": _command("identity", "rotate-keys"),
    "credentials": _command("identity", "rotate-credential-keys"),
    "root-secrets": _command("objectstore", "rotate-root-secret"),
}
READ_AT_START = ("passwords", "bus", "metadata", "seals", "cluster", "tickets")


def _restart_processes(plan: Plan) -> None:
    pid = supervisor.running(plan.state)
    if pid:
        os.kill(pid, signal.SIGHUP)
