"""Signatures of OAuth1: which requests are accepted, and how often."""

import logging
import time
from datetime import timedelta

import pytest
from oauth1_program import HERE, Program, authorize, oauth_token
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, SIGNATURE_PLAINTEXT, Client

from pileus_identity.db.models import SeenNonce
from pileus_kit.db import now


def test_a_signature_has_to_be_right(cloud, program):
    assert program.ask(secret="wrong").status_code == 401
    assert program.ask(signature_method=SIGNATURE_HMAC_SHA256).status_code == 401
    assert program.ask(signature_method=SIGNATURE_PLAINTEXT).status_code == 401
    assert program.ask(root="http://elsewhere").status_code == 401
    access = program.obtain_access_token("reader")
    assert program.login((access[0], "wrong")).status_code == 401
    assert program.login(("unknown", access[1])).status_code == 401
    assert program.login(oauth_token(program.ask())).status_code == 401  # a request token is no access token
    assert program.exchange(access, "12345678").status_code == 401
    other = Program(cloud)
    assert other.login(access).status_code == 401  # nor is another consumer's
    program.consumer |= {"id": "unknown"}
    assert program.ask().status_code == 401
    program.consumer |= {"id": "\0"}
    assert program.ask().status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic eDp5",
        "OAuth",
        "OAuth x",
        "OAuth a=b",
        'OAuth oauth_consumer_key="%ff"',
        'OAuth oauth_token="x", oauth_nonce="y"',
    ],
)
def test_a_malformed_header_is_a_bad_request(program, header):
    assert program.send("/v3/OS-OAUTH1/access_token", header).status_code == 400
    assert program.send("/v3/OS-OAUTH1/request_token", header).status_code in (400, 401)
    assert program.login(None, header=header or " ").status_code == 400


def test_parameters_in_the_url_are_ignored(program):
    path = "/v3/OS-OAUTH1/request_token"
    client = Client(program.consumer["id"], client_secret=program.consumer["secret"], signature_type="QUERY")
    url = client.sign(HERE + path, http_method="POST")[0].removeprefix(HERE)
    answer = program.cloud.call("POST", url, None, Requested_Project_Id=program.project)
    assert answer.status_code == 400
    assert program.send(url, program.header(path), Requested_Project_Id=program.project).status_code == 400
    assert program.send(path + "?%zz", program.header(path)).status_code == 400


def test_the_signature_covers_the_query(program):
    access = program.obtain_access_token("reader")
    path = "/v3/auth/tokens?nocatalog"
    signed = program.login(access, path=path)
    assert signed.status_code == 201 and "catalog" not in signed.json["token"]
    assert program.login(access, header=program.header("/v3/auth/tokens", access), path=path).status_code == 401


def test_a_signed_request_is_accepted_once(cloud, program, identity):
    access = program.obtain_access_token("reader")
    header = program.header("/v3/auth/tokens", access)
    assert program.login(access, header).status_code == 201
    assert program.login(access, header).status_code == 401
    late = program.header("/v3/auth/tokens", access, timestamp=str(int(time.time()) - 660))
    early = program.header("/v3/auth/tokens", access, timestamp=str(int(time.time()) + 660))
    assert program.login(access, late).status_code == 401 and program.login(access, early).status_code == 401
    token = oauth_token(program.ask())
    header = program.header("/v3/OS-OAUTH1/access_token", token, verifier="wrong")
    assert "authorizing user" in program.send("/v3/OS-OAUTH1/access_token", header).json["error"]["message"]
    again = program.send("/v3/OS-OAUTH1/access_token", header)
    assert again.status_code == 401 and "authorizing user" not in again.json["error"]["message"]
    with identity.sessions.begin() as session:
        session.query(SeenNonce).update({"at": now() - timedelta(hours=1)})
    program.ask()
    with identity.sessions.read() as session:
        assert session.query(SeenNonce).count() == 1  # old ones don't pile up


def test_behind_a_proxy_the_public_address_is_signed(cloud_with):
    program = Program(cloud_with(public_url="https://cloud.example/identity"))
    assert program.ask(root="https://cloud.example/identity").status_code == 201
    assert program.ask().status_code == 201  # and the one that was asked
    assert program.ask(root="https://cloud.example").status_code == 401


def test_no_secret_reaches_the_logs(program, cloud, caplog):
    caplog.set_level(logging.DEBUG)
    request = oauth_token(program.ask())
    verifier = authorize(cloud, request, "reader").json["token"]["oauth_verifier"]
    program.exchange(request, verifier, secret="wrong")
    access = oauth_token(program.exchange(request, verifier))
    program.login(access)
    written = caplog.text
    assert "request_token" in written
    for secret in (program.consumer["secret"], request[1], access[1], verifier):
        assert secret not in written
