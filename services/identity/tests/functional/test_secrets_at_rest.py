"""The database holds no secret in plain text, all keys can be rotated, and only their owner reads them."""

import json
import os
from urllib.parse import parse_qs

import pytest
from cryptography.fernet import Fernet
from oauthlib.oauth1 import Client
from sqlalchemy import select, update

from pileus_identity import manage
from pileus_identity.core import fernet_keys
from pileus_identity.core.secret_rotation import ENCRYPTED_COLUMNS
from pileus_identity.db.models import Consumer


@pytest.fixture
def command(identity, monkeypatch):
    """The operator's command, run on this cloud."""
    if identity.config.database or os.environ.get("PILEUS_TEST_DATABASE"):
        pytest.skip("the command of this test reads the SQLite file")
    monkeypatch.setenv("PILEUS_STATE", identity.config.state)
    return lambda *words: manage.main(list(words))


@pytest.fixture
def secrets(cloud):
    """One secret of each kind that is kept here, as its owner received it: {kind: secret}."""
    me, project = cloud.id("users", "demo"), cloud.id("projects", "demo")
    found = {"totp": "GEZDGNBVGY3TQOJQ"}
    cloud.make("/v3/credentials", "credential", "demo", type="totp", blob=found["totp"])
    key = cloud.post(f"/v3/users/{me}/credentials/OS-EC2", {"tenant_id": project}, "demo").json["credential"]
    credential = cloud.make(f"/v3/users/{me}/application_credentials", "application_credential", "demo", name="ci")
    consumer = cloud.make("/v3/OS-OAUTH1/consumers", "consumer")
    header = Client(consumer["id"], client_secret=consumer["secret"], callback_uri="oob").sign(
        "http://localhost/v3/OS-OAUTH1/request_token", http_method="POST"
    )[1]["Authorization"]
    answer = cloud.call("POST", "/v3/OS-OAUTH1/request_token", None, Authorization=header, Requested_Project_Id=project)
    return found | {
        "ec2": key["secret"],
        "application credential": credential["secret"],
        "consumer": consumer["secret"],
        "request token": parse_qs(answer.text)["oauth_token_secret"][0],
    }


def encrypted(identity):
    with identity.sessions.read() as session:
        return [text for _, column in ENCRYPTED_COLUMNS for text in session.scalars(select(column))]


def test_the_database_holds_no_secret_in_plain_text(identity, secrets, command):
    identity.sessions.dispose()
    folder = identity.config.path("databases", "x").parent
    stored = b"".join(file.read_bytes() for file in folder.iterdir())
    assert {kind for kind, secret in secrets.items() if secret.encode() in stored} == set()


def test_a_rotation_reencrypts_all_secrets(cloud, identity, secrets, command, capsys):
    folder = identity.config.path("credential-keys")
    for _ in range(3):
        for file in folder.iterdir():  # as if the last rotation were a day ago
            os.utime(file, (1, 1))
        command("rotate-credential-keys")
        newest = max(int(file.name) for file in folder.iterdir())
        key = Fernet((folder / str(newest)).read_bytes())
        assert len([key.decrypt(text.encode()) for text in encrypted(identity)]) == 4
    assert sorted(int(file.name) for file in folder.iterdir()) == [0, newest - 1, newest]
    assert "4 secrets are encrypted" in capsys.readouterr().out
    shown = cloud.get("/v3/credentials", "demo").json["credentials"]
    assert {one["type"]: one["blob"] for one in shown}["totp"] == secrets["totp"]
    assert json.loads({one["type"]: one["blob"] for one in shown}["ec2"])["secret"] == secrets["ec2"]


def test_an_undecryptable_secret_is_named_and_keeps_the_keys(identity, secrets, command):
    with identity.sessions.begin() as session:
        session.execute(update(Consumer).values(secret="never encrypted"))
    folder = identity.config.path("credential-keys")
    before = {file.name for file in folder.iterdir()}
    with pytest.raises(SystemExit, match="no key opens consumers"):
        command("rotate-credential-keys")
    assert {file.name for file in folder.iterdir()} == before


def test_a_password_that_the_operator_sets_revokes_tokens(cloud, identity, command, tmp_path):
    token, file = cloud.token("compute"), tmp_path / "password"
    file.write_text("fresh\n")
    command("set-password", "compute", "--password-file", str(file))
    identity.tools.tokens.authorizations.revocation_log.mark_changed()  # the running API does this within a second
    assert cloud.get("/v3/auth/projects", token).status_code == 401
    assert cloud.login("compute", "compute").status_code == 401
    assert cloud.login("compute", "fresh").status_code == 201
    with pytest.raises(SystemExit, match="Could not find user"):
        command("set-password", "nobody", "--password-file", str(file))


def test_valid_tokens_survive_rotations_of_their_keys(cloud, identity, command):
    token = cloud.token("demo")
    for _ in range(3):
        command("rotate-keys")
    assert cloud.check(token).status_code == 200


@pytest.mark.parametrize("folder", ["fernet-keys", "credential-keys"])
def test_only_the_owner_reads_the_keys(identity, folder):
    where = identity.config.path(folder)
    where.chmod(0o755)
    (where / "1").chmod(0o644)
    fernet_keys.prepare(where)  # as each process does when it starts
    assert where.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in where.iterdir()} == {0o600}
