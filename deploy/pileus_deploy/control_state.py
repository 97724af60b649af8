"""What every control machine has to know, as one JSON object: collected on the first, applied on the others.

It is the machines, the removed machines' certificates, the services' passwords and keys, and the files of keys that
services read. On the first machine a file of the registrar's has it, which tells it to machines with the role
`control`.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from pileus_deploy import broker, control_machines, haproxy, users
from pileus_deploy.broker_control import COOKIE as COOKIE_FILE
from pileus_deploy.control_machines import ControlMachine
from pileus_deploy.plan import Plan, write_private
from pileus_kit.json_types import JsonObject

KEY_FOLDERS = {"fernet-keys": "identity", "credential-keys": "identity"}
"""Directories of keys that services read again when they change, and whose they are."""
KEY_FILES = {"image/ticket.key": "image"}
FILE = "control.json"
COOKIE = "broker cookie"


def collect(plan: Plan) -> JsonObject:
    """Return the state on the first machine."""
    machines = control_machines.all_of(plan)
    body: JsonObject = {
        "machines": control_machines.names_of(machines),
        "revoked": _lines(haproxy.revoked_file(plan)),
        "accounts": broker.accounts_of_hosts(plan),
        "secrets": {**_of_all(plan), COOKIE: (plan.state / "rabbitmq" / COOKIE_FILE).read_text()},
        "database": _shared_url(plan),
        "keys": {
            **{name: _files(plan.state / name) for name in KEY_FOLDERS},
            **{name: _text(plan.state / name) for name in KEY_FILES},
        },
    }
    return body | {"version": hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()}


def publish(plan: Plan, state: Mapping[str, object]) -> None:
    """Let the registrar tell the state to control machines."""
    file = plan.state / "registrar" / FILE
    new = file.with_suffix(".new")
    write_private(new, json.dumps(state))
    shutil.chown(new, users.REGISTRAR, users.REGISTRAR)
    new.replace(file)


def begin(plan: Plan, state: JsonObject) -> None:
    """Write what a machine that joins needs before its processes start; their users exist by then."""
    cookie = state["secrets"][COOKIE]
    broker.write_cookie(plan.state / "rabbitmq" / COOKIE_FILE, cookie)
    write_accounts(plan, state)
    write_keys(plan, state)
    write_revoked(plan, state)


def write_keys(plan: Plan, state: JsonObject) -> None:
    """Write files of keys, new ones first: what is encrypted with the newest key can be read at any moment."""
    for name, owner in KEY_FOLDERS.items():
        folder, wanted = plan.state / name, state["keys"][name]
        folder.mkdir(mode=0o700, exist_ok=True)
        for key in sorted(wanted, key=lambda number: -int(number)):
            _keep(folder / key, wanted[key], users.user_of(owner))
        for file in folder.iterdir():
            if file.name.isdecimal() and file.name not in wanted:
                file.unlink()
        shutil.chown(folder, users.user_of(owner), users.user_of(owner))
        os.utime(folder)  # services look at its time
    for name, owner in KEY_FILES.items():
        if state["keys"][name]:
            file = plan.state / name
            file.parent.mkdir(exist_ok=True)
            _keep(file, state["keys"][name], users.user_of(owner))


def write_accounts(plan: Plan, state: JsonObject) -> None:
    """Keep the hashes of other machines' passwords, with which this machine's node of the bus starts."""
    write_private(plan.state / "rabbitmq" / broker.TOLD, json.dumps(state["accounts"]))


def replace_accounts(plan: Plan, state: JsonObject) -> None:
    """Keep the hashes where the node runs already.

    It reads its definitions whenever it starts, also when it was cut off: old ones would open the accounts of a machine
    that was removed, and take the password of one that joined again.
    """
    write_accounts(plan, state)
    broker.write_accounts(plan)
    for name in (broker.TOLD, "definitions.json"):
        shutil.chown(plan.state / "rabbitmq" / name, users.BROKER, users.BROKER)


def write_revoked(plan: Plan, state: JsonObject) -> None:
    """Keep the serial numbers of removed machines' certificates, which HAProxy reads when it starts."""
    haproxy.revoked_file(plan).parent.mkdir(exist_ok=True)
    write_private(haproxy.revoked_file(plan), "".join(f"{number}\n" for number in state["revoked"]))


def write_secrets(plan: Plan, state: JsonObject) -> bool:
    """Keep the services' passwords and keys. Returns whether one of them is new; this machine's own ones stay."""
    known = dict(plan.secrets)
    given = state["secrets"]
    if known | given == known:
        return False
    write_private(plan.state / "secrets.json", json.dumps(known | given, indent=1))
    plan.__dict__.pop("secrets")
    return True


def machines_of(state: JsonObject) -> list[ControlMachine]:
    """Return the control machines that the state names."""
    parts = (text.rpartition("@") for text in state["machines"])
    return [ControlMachine(name, address) for name, _, address in parts]


def _of_all(plan: Plan) -> dict[str, str]:
    """Return the secrets that are the same on all control machines: not those of this machine's own accounts."""
    return {name: secret for name, secret in plan.secrets.items() if "@" not in name}


def _shared_url(plan: Plan) -> str:
    """Return the databases' URL without its administrator: other machines need the services' roles only."""
    from pileus_kit.database_urls import engine_url, text_of

    return text_of(engine_url(plan.database)._replace(username=None, password=None))


def _lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


def _text(file: Path) -> str:
    return file.read_bytes().hex() if file.exists() else ""


def _files(folder: Path) -> dict[str, str]:
    """Return the contents of the numbered files in a directory. One may be renamed meanwhile: then look again."""
    while True:
        try:
            return {file.name: _text(file) for file in folder.iterdir() if file.name.isdecimal()}
        except FileNotFoundError:
            continue


def _keep(file: Path, content: str, owner: str) -> None:
    data = bytes.fromhex(content)
    if file.exists() and file.read_bytes() == data:
        return
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(data)
        os.fsync(opened.fileno())
    shutil.chown(new, owner, owner)
    new.replace(file)
