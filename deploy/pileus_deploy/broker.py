"""The RabbitMQ node of one cloud: name, port, cookie, data and log directory are under the state directory."""

import base64
import hashlib
import json
import os
import secrets
import shutil
import string
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pileus_deploy import broker_cluster
from pileus_deploy.broker_control import COOKIE, BrokerControl, BrokerFailed
from pileus_deploy.host_records import HostRecords
from pileus_deploy.plan import BROKER_PORT, BUS_TLS_PORT, ON_THE_BUS, Plan, write_private
from pileus_kit import accounts

BIN = Path("/usr/lib/rabbitmq/bin")
EPMD = "/usr/bin/epmd"
VHOST = "/"
TOLD = "accounts.json"
"""What the first control machine has told another one of hosts' accounts."""
QUIET = "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"
TLS_FILES = {"cacertfile": "authority.pem", "certfile": "machine.pem", "keyfile": "machine.key"}


def port(plan: Plan) -> int:
    return BROKER_PORT + plan.offset


def environment(plan: Plan) -> tuple[tuple[str, str], ...]:
    """The environment that keeps the node away from /etc, /var and default ports; one scheduler, no busy waiting."""
    home, node = plan.state / "rabbitmq", port(plan)
    alone = {
        "HOME": str(home),
        "RABBITMQ_NODENAME": f"pileus{node}@localhost",
        "RABBITMQ_NODE_PORT": str(node),
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_DIST_PORT": str(node + 20000),
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_PID_FILE": str(home / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "ERL_EPMD_PORT": str(node + 1),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-kernel inet_dist_use_interface {{127,0,0,1}} {QUIET}",
        "LANG": "C.UTF-8",
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    }
    if not plan.bus_nodes:
        return tuple(alone.items())
    secured = broker_cluster.tls_arguments(distribution_file(plan)) if plan.tls else ""
    together = broker_cluster.environment(plan.address, node, f"{secured} {QUIET}".lstrip())
    if plan.tls:  # other machines come by TLS, and processes of this one by the loopback address
        together["RABBITMQ_NODE_IP_ADDRESS"] = "127.0.0.1"
    return tuple((alone | together).items())


def command(plan: Plan) -> tuple[str, ...]:
    return (str(BIN / "rabbitmq-server"),)


def epmd_command(plan: Plan) -> tuple[str, ...]:
    """The command of Erlang's port mapper, which the node would otherwise start as a daemon that outlives it."""
    return (EPMD, "-port", str(port(plan) + 1), "-address", plan.address if plan.bus_nodes else "127.0.0.1")


def prepare(plan: Plan) -> None:
    """Write the files that the node reads when it starts."""
    home = plan.state / "rabbitmq"
    if not plan.bus_nodes:  # nothing in a node that is alone outlives a start, least of all an old account
        shutil.rmtree(home / "mnesia", ignore_errors=True)
    for name in ("mnesia", "log"):
        (home / name).mkdir(parents=True, exist_ok=True)
    write_private(home / "enabled_plugins", "[].\n")
    _ensure_cookie(home / COOKIE)
    if plan.tls and not plan.controller:
        write_cookie(plan.state / "registrar" / COOKIE, (home / COOKIE).read_text())
    write_accounts(plan)
    write_private(
        home / "rabbitmq.conf",
        "\n".join(
            [
                f"load_definitions = {home / 'definitions.json'}",
                "loopback_users = none",
                "vm_memory_high_watermark.absolute = 512MB",
                "disk_free_limit.absolute = 50MB",
                "log.console = false",
                "log.file.level = warning",
                "heartbeat = 30",
                *(_tls_lines(plan) if plan.tls else ()),
                *(broker_cluster.config_lines(plan.bus_nodes, port(plan)) if plan.bus_nodes else ()),
                "",
            ]
        ),
    )


def _tls_lines(plan: Plan) -> list[str]:
    """Listen for other machines, by TLS and for certificates of this cloud only."""
    return [
        f"listeners.ssl.1 = {plan.address}:{BUS_TLS_PORT + plan.offset}",
        *(f"ssl_options.{option} = {tls_folder(plan) / name}" for option, name in TLS_FILES.items()),
        "ssl_options.verify = verify_peer",
        "ssl_options.fail_if_no_peer_cert = true",
        "ssl_options.versions.1 = tlsv1.3",
        "ssl_options.versions.2 = tlsv1.2",
    ]


def tls_folder(plan: Plan) -> Path:
    """Return the directory of the node's own copies, which it reads as its own user."""
    return plan.state / "rabbitmq" / "tls"


def distribution_file(plan: Plan) -> Path:
    """Return the file with the TLS options of the wires between nodes."""
    return tls_folder(plan) / "nodes.conf"


def control_folder(plan: Plan) -> Path:
    """Return the registrar's copies of what commanding a node takes where nodes speak TLS."""
    return plan.state / "registrar" / "tls"


def copy_certificate(plan: Plan) -> None:
    """Give the node this machine's certificate; it reads the files again within two minutes."""
    for place in (tls_folder(plan), *((control_folder(plan),) if plan.bus_nodes else ())):
        for name in TLS_FILES.values():
            write_private(place / name, plan.tls_file(name).read_text())
        if plan.bus_nodes:
            write_private(place / distribution_file(plan).name, broker_cluster.tls_options(place, TLS_FILES))


def control(plan: Plan) -> BrokerControl:
    """Return what a root process tells the node with."""
    return BrokerControl(port(plan), plan.state / "rabbitmq", plan.address if plan.bus_nodes else "", tls_folder(plan))


def have_copies(plan: Plan) -> bool:
    """Give this machine's node copies of the bus's queues. Returns whether it has all: any machine may die then."""
    try:
        return control(plan).grow_queues() == 0
    except BrokerFailed:  # it starts
        return False


def _ensure_cookie(file: Path) -> None:
    """Draw the node's cookie, with which others command it, where it has none yet."""
    if not file.exists():
        write_cookie(file, "".join(secrets.choice(string.ascii_uppercase) for _ in range(32)))


def write_cookie(file: Path, cookie: str) -> None:
    """Keep the cookie in a file that its owner may only read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    write_private(file, cookie)
    file.chmod(0o400)


def write_accounts(plan: Plan) -> None:
    """The node reads the definitions whenever it starts, and they override what it remembers."""
    write_private(plan.state / "rabbitmq" / "definitions.json", json.dumps(definitions(plan), indent=1))


def definitions(plan: Plan) -> dict[str, Any]:
    """The accounts and their rights: none is an administrator, and none may do more than its part."""
    hashes = {account.name: hash_password(plan.secrets[f"bus {account.name}"]) for account in plan.accounts}
    hashes |= accounts_of_hosts(plan)
    return {
        "vhosts": [{"name": VHOST}],
        **account_definitions(hashes),
        "exchanges": [
            {
                "name": service,
                "vhost": VHOST,
                "type": "topic",
                "durable": bool(plan.bus_nodes),
                "auto_delete": False,
                "internal": False,
                "arguments": {},
            }
            for service in ON_THE_BUS
        ],
    }


def accounts_of_hosts(plan: Plan) -> dict[str, str]:
    """Return the accounts of machines that joined, and the hashes of their passwords."""
    told = plan.state / "rabbitmq" / TOLD
    if plan.controller:
        return dict(json.loads(told.read_text())) if told.exists() else {}
    return {
        account: password_hash
        for host in HostRecords(plan.state / "registrar").members()
        for account, password_hash in host.accounts.items()
    }


def account_definitions(hashes: Mapping[str, str]) -> dict[str, object]:
    """Return the definitions of accounts and their rights. `hashes` are those of their passwords, by account."""
    known = {name: accounts.parse(name) for name in hashes}
    return {
        "users": [
            {
                "name": name,
                "password_hash": password_hash,
                "tags": "",
                "hashing_algorithm": "rabbit_password_hashing_sha256",
            }
            for name, password_hash in hashes.items()
        ],
        "permissions": [{"user": name, "vhost": VHOST, **account.permissions()} for name, account in known.items()],
        "topic_permissions": [
            {"user": name, "vhost": VHOST, "exchange": account.service, **account.keys()}
            for name, account in known.items()
        ],
    }


def hash_password(password: str) -> str:
    """Hash a password as RabbitMQ does: base64 of a four-byte salt and of the SHA-256 of salt and password."""
    salt = os.urandom(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def stop_epmd(plan: Plan) -> None:
    """End a port mapper that a node started because ours wasn't running. It refuses while it knows a node."""
    subprocess.run([EPMD, "-port", str(port(plan) + 1), "-kill"], capture_output=True, check=False)
