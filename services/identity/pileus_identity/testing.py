"""Identity in-process, for its own tests and those of other services: a bootstrapped cloud on SQLite, no network.

with IdentityFixture() as identity:
    token = identity.token("demo", "demo")
    peers.routed({"identity": identity.app})
"""

import functools
import os
import tempfile
from pathlib import Path
from types import TracebackType

from flask import Flask
from flask.testing import FlaskClient

from pileus_identity.app import create
from pileus_identity.config import Config
from pileus_identity.core.auth_requests import AuthRequest
from pileus_identity.core.bootstrap import Grant, Plan, ServicePlan, UserPlan, bootstrap
from pileus_identity.core.tools import Tools
from pileus_identity.db.models import Model
from pileus_identity.policy import RULES
from pileus_kit.db import Sessions
from pileus_kit.policy import Enforcer
from pileus_kit.testing import fresh_sessions

PORTS = {
    "identity": "5000/v3",
    "compute": "8774/v2.1",
    "image": "9292",
    "network": "9696",
    "volumev3": "8776/v3",
    "block-storage": "8776/v3",
    "object-store": "8080/v1/AUTH_$(project_id)s",
    "placement": "8778",
}
SERVICE_USERS = ("compute", "image", "network", "volume", "objectstore")
USERS = {
    "admin": ("admin", "admin"),
    "demo": ("demo", "member"),
    "reader": ("demo", "reader"),
    "manager": ("demo", "manager"),
    "other": ("other", "member"),
}  # user: (project, role); every password is the user's name


def plan() -> Plan:
    """Four projects, the users above, and for each service a user with only the role `service`."""
    users = tuple(UserPlan(name, name) for name in (*USERS, *SERVICE_USERS))
    grants = [Grant(user, role, project=project) for user, (project, role) in USERS.items()]
    grants += [Grant(user, "service", project="service") for user in SERVICE_USERS]
    grants.append(Grant("admin", "admin", system=True))
    services = tuple(ServicePlan(type, type, public=f"http://127.0.0.1:{rest}") for type, rest in PORTS.items())
    return Plan(projects=("admin", "demo", "other", "service"), users=users, grants=tuple(grants), services=services)


@functools.cache
def _bootstrapped(wanted: Plan) -> bytes:
    """A database file to copy, because hashing ten passwords would take most of a test's time."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "template.sqlite")
        sessions = Sessions(f"sqlite:///{file}")
        _fill(sessions, wanted)
        sessions.dispose()  # the last connection writes the log into the file
        return file.read_bytes()


def _fill(sessions: Sessions, wanted: Plan) -> None:
    Model.metadata.create_all(sessions.engine)
    with sessions.begin() as session:
        bootstrap(session, wanted)


class IdentityFixture:
    """The application with Flask's test client, its tools and sessions. `config` sets any fields of Config."""

    app: Flask
    client: FlaskClient
    tools: Tools

    def __init__(self, database: str = "", plan: Plan | None = None, **config: object) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="pileus-identity-")
        self.config = Config(state=self._folder.name, database=database, **config)  # type: ignore[arg-type]
        self._plan = plan

    def __enter__(self) -> "IdentityFixture":
        if self.config.database or os.environ.get("PILEUS_TEST_DATABASE"):
            self.sessions = self._given_database()
        else:
            self.config.path("databases", "identity.sqlite").write_bytes(_bootstrapped(self._plan or plan()))
            self.sessions = Sessions(self.config.database_url("identity"))
        self.tools = Tools(self.config, self.sessions)
        self.app = create(self.tools, Enforcer(RULES))
        self.client = self.app.test_client()
        return self

    def _given_database(self) -> Sessions:
        """The database that the test or $PILEUS_TEST_DATABASE names."""
        sessions = (
            Sessions(self.config.database)
            if self.config.database
            else fresh_sessions(Model, self.config.path("unused").parent)
        )
        _fill(sessions, self._plan or plan())
        return sessions

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sessions.dispose()
        self._folder.cleanup()

    def token(self, user: str, project: str | None = None, *, domain: bool = False, system: bool = False) -> str:
        """A token of a user whose password is their name, by default for their project of USERS."""
        scope: object = "unscoped"
        if system:
            scope = {"system": {"all": True}}
        elif domain:
            scope = {"domain": {"id": "default"}}
        elif project or user in USERS or user in SERVICE_USERS:
            scope = {"project": {"name": project or USERS.get(user, ("service",))[0], "domain": {"id": "default"}}}
        proof = {"name": user, "domain": {"id": "default"}, "password": user}
        auth = {"identity": {"methods": ["password"], "password": {"user": proof}}, "scope": scope}
        return self.tools.authentication.login(AuthRequest.parse(auth)).text
