"""The bootstrap, which can be repeated, and the operator's command."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from pileus_identity import manage
from pileus_identity.config import Config
from pileus_identity.core.auth_requests import AuthRequest
from pileus_identity.core.bootstrap import Grant, Plan, ServicePlan, UserPlan, bootstrap
from pileus_identity.core.tools import Tools
from pileus_identity.db.models import Model
from pileus_identity.testing import plan
from pileus_kit.db import Sessions


def rows(sessions):
    with sessions.read() as session:
        return {
            table.name: sorted(map(tuple, session.execute(select(table)).all()), key=str)
            for table in Model.metadata.sorted_tables
            if table.name not in ("revocation_serial", "revocations")
        }


def test_a_second_run_changes_nothing(identity):
    before = rows(identity.sessions)
    with identity.sessions.begin() as session:
        bootstrap(session, plan())
    assert rows(identity.sessions) == before


def test_a_second_run_corrects_what_differs_and_keeps_the_rest(cloud, identity):
    token = cloud.token("demo")
    cloud.make("/v3/users", "user", name="guest", password="guest")
    changed = Plan(users=(UserPlan("demo", "new"),), services=(ServicePlan("compute", "compute", "http://new:8774"),))
    with identity.sessions.begin() as session:
        bootstrap(session, changed)
    identity.tools.tokens.authorizations.revocation_log.mark_changed()  # the running API does this within a second
    assert cloud.check(token).status_code == 404
    assert cloud.login("demo", "new").status_code == 201
    assert cloud.login("guest", "guest").status_code == 201
    urls = {
        e["url"]
        for entry in cloud.get("/v3/auth/catalog").json["catalog"]
        if entry["type"] == "compute"
        for e in entry["endpoints"]
    }
    assert urls == {"http://new:8774"}


def test_a_confined_user_loses_grants_that_the_plan_does_not_name(cloud, identity):
    """The service users of the first releases were administrators."""
    more = Plan(
        users=(UserPlan("svc", "pw"),),
        projects=("service",),
        grants=(
            Grant("svc", "admin", project="service"),
            Grant("svc", "admin", system=True),
            Grant("svc", "service", project="service"),
        ),
    )
    with identity.sessions.begin() as session:
        bootstrap(session, more)
    scope = {"project": {"name": "service", "domain": {"id": "default"}}}
    token = cloud.login("svc", "pw", scope).headers["X-Subject-Token"]
    with identity.sessions.begin() as session:
        bootstrap(session, replace(more, grants=more.grants[2:], confined=("svc",)))
    identity.tools.tokens.authorizations.revocation_log.mark_changed()
    assert cloud.check(token).status_code == 404, "what it was given before is void"
    roles = cloud.login("svc", "pw", scope).json["token"]["roles"]
    assert [role["name"] for role in roles] == ["service"]


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("PILEUS_STATE", str(tmp_path))
    return Config(state=str(tmp_path))


def test_the_command_migrates_bootstraps_and_rotates(config, tmp_path, capsys):
    wanted = {
        "projects": ["p"],
        "users": [{"name": "u", "password": "secret"}],
        "grants": [{"user": "u", "role": "member", "project": "p"}],
        "services": [{"type": "identity", "name": "keystone", "public": "http://x:5000/v3"}],
    }
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(wanted))
    for command in (["migrate"], ["bootstrap", "--plan", str(file)], ["migrate"], ["bootstrap", "--plan", str(file)]):
        manage.main(command)
    sessions = Sessions(config.database_url("identity"))
    tools = Tools(config, sessions)
    user = {"name": "u", "domain": {"id": "default"}, "password": "secret"}
    auth = {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"name": "p", "domain": {"id": "default"}}},
    }
    token = tools.authentication.login(AuthRequest.parse(auth))
    for _ in range(3):
        manage.main(["rotate-keys"])
    assert "in use" in capsys.readouterr().out
    assert Tools(config, sessions).authenticate(token.text).user_name == "u"
    sessions.dispose()


def test_the_password_is_read_from_a_file(config, tmp_path):
    with pytest.raises(SystemExit):
        manage.main(["bootstrap"])
    (tmp_path / "pw").write_text("secret\n")
    manage.main(["migrate"])
    manage.main(["bootstrap", "--admin-password-file", str(tmp_path / "pw"), "--public-url", "http://x:5000/v3"])
    sessions = Sessions(config.database_url("identity"))
    auth = {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": "admin", "domain": {"id": "default"}, "password": "secret"}},
        },
        "scope": {"system": {"all": True}},
    }
    assert (
        "admin"
        in Tools(config, sessions)
        .tokens.caller(Tools(config, sessions).authentication.login(AuthRequest.parse(auth)).text)
        .roles
    )
    sessions.dispose()
