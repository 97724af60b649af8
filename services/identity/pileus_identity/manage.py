"""The operator's command: it migrates the database, bootstraps a cloud, and rotates keys and passwords.

pileus-identity-manage --config FILE migrate
pileus-identity-manage --config FILE bootstrap --plan plan.json     # or `-`: from standard input
pileus-identity-manage --config FILE bootstrap --admin-password-file F --public-url http://cloud:5000/v3
pileus-identity-manage --config FILE rotate-keys
pileus-identity-manage --config FILE rotate-credential-keys
pileus-identity-manage --config FILE set-password compute --password-file F   # or `-`: from standard input
"""

import argparse
import sys
from pathlib import Path

from pileus_identity.config import Config
from pileus_identity.core import fernet_keys, secret_rotation, users
from pileus_identity.core.bootstrap import DEFAULT_DOMAIN, Grant, Plan, ServicePlan, UserPlan, bootstrap
from pileus_identity.core.fernet_keys import KeyRing
from pileus_identity.core.tools import CREDENTIAL_KEYS, TOKEN_KEYS
from pileus_kit import db, decoding
from pileus_kit.errors import CloudError
from pileus_kit.file_modes import become_owner_of
from pileus_kit.process import load_config

MAX_REQUEST_S = 3600  # a key stays as long after its last use, so that no request in progress lacks it


def main(argv: list[str] | None = None) -> None:
    """Run one subcommand."""
    given = _parser().parse_args(argv)
    config = load_config(Config, ["--config-file", given.config] if given.config else [], "identity-manage")
    given.run(config, given)


def migrate(config: Config, _: argparse.Namespace | None = None) -> None:
    """Bring the database and the keys to this version. Repeating this does nothing."""
    become_owner_of(config.path(TOKEN_KEYS))
    db.migrate(config.database_url("identity"), "pileus_identity")
    for folder in (TOKEN_KEYS, CREDENTIAL_KEYS):
        fernet_keys.prepare(config.path(folder))


def rotate_keys(config: Config, _: argparse.Namespace) -> None:
    """Make the staged token key primary and stage another one."""
    become_owner_of(config.path(TOKEN_KEYS))
    number = fernet_keys.rotate(config.path(TOKEN_KEYS), config.token_expiration_s)
    print(f"key {number} is in use; one more is staged")


def rotate_credential_keys(config: Config, _: argparse.Namespace) -> None:
    """Re-encrypt all secrets before the rotation, which deletes old keys, and after it with the new key."""
    folder = config.path(CREDENTIAL_KEYS)
    become_owner_of(folder)
    key_ring, sessions = KeyRing(folder), db.Sessions(config.database_url("identity"))
    try:
        secret_rotation.reencrypt_all(sessions, key_ring)
        number = fernet_keys.rotate(folder, MAX_REQUEST_S)
        print(
            f"key {number} is in use; {secret_rotation.reencrypt_all(sessions, key_ring)} secrets are encrypted with it"
        )
    except secret_rotation.UndecryptableSecret as err:
        raise SystemExit(f"rotate-credential-keys: {err}") from err
    finally:
        sessions.dispose()


def set_password(config: Config, given: argparse.Namespace) -> None:
    """Set a user's password, for example a service's. Their tokens are revoked in all services within a second."""
    password = _read(given.password_file).decode().strip()
    if not password:
        raise SystemExit("set-password: the password is empty")
    become_owner_of(config.path(TOKEN_KEYS))
    sessions = db.Sessions(config.database_url("identity"))
    try:
        with sessions.begin() as session:
            user = users.find_by_name(session, given.user, given.domain)
            users.update(session, config, user, {"password": password})
    except CloudError as err:
        raise SystemExit(f"set-password: {err}") from err
    finally:
        sessions.dispose()


def run_bootstrap(config: Config, given: argparse.Namespace) -> None:
    """Bootstrap the cloud as a plan says, or with an administrator only."""
    plan = decoding.decode(_read(given.plan), Plan) if given.plan else _small_plan(given)
    sessions = db.Sessions(config.database_url("identity"))
    with sessions.begin() as session:
        bootstrap(session, plan)
    sessions.dispose()


def _small_plan(given: argparse.Namespace) -> Plan:
    """A plan with an administrator, the project `service` and identity's own endpoint.

    The password comes from a file, because other users of the machine can read a command line.
    """
    if not given.admin_password_file:
        raise SystemExit("bootstrap: give --plan or --admin-password-file")
    name = given.admin_name
    return Plan(
        region=given.region,
        projects=("admin", "service"),
        users=(UserPlan(name, _read(given.admin_password_file).decode().strip()),),
        grants=(
            Grant(name, "admin", project="admin"),
            Grant(name, "admin", domain=True),
            Grant(name, "admin", system=True),
        ),
        services=(ServicePlan("identity", "identity", given.public_url, given.internal_url, given.admin_url),),
    )


def _read(source: str) -> bytes:
    return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pileus-identity-manage", description=__doc__.splitlines()[0])
    parser.add_argument("--config", "--config-file", help="the service's INI file")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("migrate", help="bring the database to this version").set_defaults(run=migrate)
    commands.add_parser("rotate-keys", help="make the staged token key primary and stage another").set_defaults(
        run=rotate_keys
    )
    rotate = commands.add_parser("rotate-credential-keys", help="encrypt all stored secrets with a new key")
    rotate.set_defaults(run=rotate_credential_keys)
    change = commands.add_parser("set-password", help="give a user another password")
    change.set_defaults(run=set_password)
    change.add_argument("user", help="the user's name")
    change.add_argument("--domain", default=DEFAULT_DOMAIN, help="the id of the user's domain")
    change.add_argument("--password-file", required=True, help="a file that holds the password, or -")
    boot = commands.add_parser("bootstrap", help="create what is missing for a first login")
    boot.set_defaults(run=run_bootstrap)
    boot.add_argument("--plan", help="JSON of core.bootstrap.Plan in a file, or - for standard input")
    boot.add_argument("--admin-name", default="admin")
    boot.add_argument("--admin-password-file", help="a file that holds the password, or - for standard input")
    boot.add_argument("--region", default="RegionOne")
    boot.add_argument("--public-url", default="http://127.0.0.1:5000/v3")
    boot.add_argument("--internal-url", default="")
    boot.add_argument("--admin-url", default="")
    return parser


if __name__ == "__main__":
    main()
