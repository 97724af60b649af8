"""The system users that a cloud's processes run as, and which of them owns what in the state directory.

Each service has a user, so that an attacker in one can't read the database or the keys of another. Agents stay root
with few capabilities: they make guests, networks and disks of many owners.
"""

import grp
import os
import pwd
import subprocess
from pathlib import Path

from pileus_deploy import balancing, broker, haproxy, host_records
from pileus_deploy.plan import PORTS, Plan

GROUP = "pileus"
"""The group of all services, for files that an operator writes for all of them."""
CONVERTER = "pileus-convert"
"""The user of programs that open what tenants have written (`pileus_kit.sandbox`)."""
BROKER = "rabbitmq"
REGISTRAR = host_records.USER
PROXY = haproxy.USER
NAMES = (*(f"pileus-{service}" for service in PORTS), REGISTRAR)


def user_of(service: str) -> str:
    return f"pileus-{service}"


def ensure() -> None:
    """Make the users that don't exist."""
    subprocess.run(["groupadd", "--system", "--force", GROUP], check=True)
    for name in (*NAMES, CONVERTER):
        if not _exists(name):
            subprocess.run(
                [
                    "useradd",
                    "--system",
                    "--user-group",
                    "--no-create-home",
                    "--home-dir",
                    "/nonexistent",
                    "--shell",
                    "/usr/sbin/nologin",
                    "--comment",
                    "Pileus",
                    name,
                ],
                check=True,
            )


def remove() -> list[str]:
    """Remove the users, and return those that existed."""
    found = [name for name in (*NAMES, CONVERTER) if _exists(name)]
    for name in found:
        subprocess.run(["userdel", name], check=False, capture_output=True)
    subprocess.run(["groupdel", GROUP], check=False, capture_output=True)
    return found


def set_owners(plan: Plan) -> None:
    """Make every service's directories, and give each to its user, also those that root owned in earlier releases."""
    if plan.tls:
        set_tls_owners(plan)
    if not plan.is_control:  # root's agents are all that such a machine has, but for the object store
        _set_owners_of_objects(plan)
        return
    _move_databases(plan)
    for service in PORTS:
        change_owner(plan.state / "databases" / service, user_of(service), again=True)
        change_owner(plan.state / "audit" / service, user_of(service))
    for name in ("fernet-keys", "credential-keys"):
        change_owner(plan.state / name, user_of("identity"), again=True)
    change_owner(plan.state / "image", user_of("image"))
    change_owner(plan.state / "objectstore", user_of("objectstore"))
    change_owner(plan.state / "rabbitmq", BROKER, again=True)
    for name in ("databases", "audit"):
        (plan.state / name).chmod(0o711)
    for name in ("etc", "policy"):
        _share_with_group(plan.state / name, GROUP, 0o710)
    for file in (plan.state / "policy").iterdir():
        _share_with_group(file, GROUP, 0o640)
    for service in PORTS:
        _share_with_group(plan.config_file(service), user_of(service), 0o640)
    if plan.runs_agent("objectstore"):
        _share_with_group(plan.agent_config_file("objectstore"), user_of("objectstore"), 0o640)


def _set_owners_of_objects(plan: Plan) -> None:
    if plan.runs_agent("objectstore"):
        change_owner(plan.state / "objectstore", user_of("objectstore"))
        _share_with_group(plan.state / "etc", GROUP, 0o710)
        _share_with_group(plan.agent_config_file("objectstore"), user_of("objectstore"), 0o640)


def set_tls_owners(plan: Plan) -> None:
    """Let every service read by which authorities it verifies others, and HAProxy enter the APIs' sockets."""
    _share_with_group(plan.state / "tls", GROUP, 0o710)
    for name in ("authority.pem", "authorities.pem"):
        _share_with_group(plan.tls_file(name), GROUP, 0o640)
    if plan.runs_agent("objectstore"):
        change_owner(plan.tls_file("objects"), user_of("objectstore"), again=True)
    if not plan.is_control:
        return
    change_owner(plan.state / "registrar", REGISTRAR, again=True)
    change_owner(broker.tls_folder(plan), BROKER, again=True)
    if not plan.controller:
        _share_with_group(plan.config_file("registrar"), REGISTRAR, 0o640)
    for service, user in {**{name: user_of(name) for name in PORTS}, "registrar": REGISTRAR}.items():
        place = plan.socket(service).parent
        place.mkdir(parents=True, exist_ok=True)
        os.chown(place, pwd.getpwnam(user).pw_uid, grp.getgrnam(PROXY).gr_gid)
        place.chmod(0o750)
    if plan.virtual_address:
        _share_with_group(balancing.peers_folder(plan), user_of("image"), 0o750)
    (plan.state / "sockets").chmod(0o711)


def give_to_service(path: Path, service: str) -> None:
    """Give one file or directory to a service's user, if there is that user by now; `set_owners` does it otherwise."""
    if os.geteuid() == 0 and _exists(user_of(service)):
        account = pwd.getpwnam(user_of(service))
        os.chown(path, account.pw_uid, account.pw_gid)


def change_owner(place: Path, user: str, again: bool = False) -> None:
    """Give a directory and everything in it to the user. The topmost is changed last, so if it is right, all is.

    `again`: do it in any case; for small directories that root writes to.
    """
    place.mkdir(parents=True, exist_ok=True)
    account = pwd.getpwnam(user)
    if place.stat().st_uid == account.pw_uid and not again:
        return
    for folder, _, files in os.walk(place, topdown=False):
        for name in files:
            os.chown(Path(folder, name), account.pw_uid, account.pw_gid, follow_symlinks=False)
        os.chown(folder, account.pw_uid, account.pw_gid)
    place.chmod(0o700)


def _move_databases(plan: Plan) -> None:
    """Move a database into a directory of its own, where SQLite writes its other files; the old name becomes a link."""
    for service in PORTS:
        old, place = plan.state / "databases" / f"{service}.sqlite", plan.database_file(service)
        place.parent.mkdir(parents=True, exist_ok=True)
        if old.exists() and not old.is_symlink():
            for suffix in ("-wal", "-shm", ""):
                file = old.with_name(old.name + suffix)
                if file.exists():
                    file.replace(place.with_name(place.name + suffix))
        if not old.is_symlink():
            old.symlink_to(Path(service, place.name))


def _share_with_group(path: Path, group: str, mode: int) -> None:
    """Let one group read a file of root's."""
    if not path.exists():
        path.mkdir(parents=True)
    os.chown(path, 0, grp.getgrnam(group).gr_gid)
    path.chmod(mode)


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
