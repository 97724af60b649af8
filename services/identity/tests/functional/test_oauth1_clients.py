"""OAuth1 through a socket with its clients: python-keystoneclient, keystoneauth, and Tempest's own signatures."""

import threading

import pytest
from keystoneauth1.exceptions import NotFound, Unauthorized
from keystoneauth1.extras.oauth1.v3 import OAuth1
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session
from keystoneclient.v3.client import Client
from keystoneclient.v3.contrib.oauth1.auth import OAuth
from tempest.lib.auth import KeystoneV3AuthProvider, KeystoneV3Credentials
from tempest.lib.services.identity.v3.oauth_consumers_client import OAUTHConsumerClient
from tempest.lib.services.identity.v3.oauth_token_client import OAUTHTokenClient
from werkzeug.serving import make_server

from pileus_identity.core.bootstrap import Grant, Plan, ServicePlan, UserPlan
from pileus_identity.testing import IdentityFixture

ADMIN = {
    "username": "admin",
    "password": "admin",
    "project_name": "admin",
    "user_domain_name": "Default",
    "project_domain_name": "Default",
}


@pytest.fixture
def url():
    """Identity behind a socket whose address is in the catalog."""
    server = make_server("127.0.0.1", 0, lambda environ, start: app(environ, start), threaded=True)
    address = f"http://127.0.0.1:{server.server_port}/v3"
    plan = Plan(
        projects=("admin",),
        users=(UserPlan("admin", "admin"),),
        grants=(Grant("admin", "admin", "admin"),),
        services=(ServicePlan("identity", "identity", public=address),),
    )
    with IdentityFixture(plan=plan) as identity:
        app = identity.app
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield address
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def keystone(url):
    return Client(session=Session(Password(url, **ADMIN)), interface="public")


def obtain_access_token(keystone):
    """A consumer, and an access token for it with the role `reader` in the administrator's project."""
    session = keystone.session
    consumer = keystone.oauth1.consumers.create(description="a program")
    request = keystone.oauth1.request_tokens.create(consumer.id, consumer.secret, session.get_project_id())
    reader = keystone.roles.list(name="reader")[0]
    verifier = keystone.oauth1.request_tokens.authorize(request.key, [reader]).oauth_verifier
    access = keystone.oauth1.access_tokens.create(consumer.id, consumer.secret, request.key, request.secret, verifier)
    assert request.expires and access.expires
    return {
        "consumer_key": consumer.id,
        "consumer_secret": consumer.secret,
        "access_key": access.key,
        "access_secret": access.secret,
    }


def test_keystoneclients_consumers(keystone):
    consumers = keystone.oauth1.consumers
    made = consumers.create(description="d")
    assert made.secret and consumers.get(made).description == "d" and [c.id for c in consumers.list()] == [made.id]
    assert consumers.update(made, description="e").description == "e"
    consumers.delete(made)
    with pytest.raises(NotFound):
        consumers.get(made.id)


@pytest.mark.parametrize("plugin", [OAuth, OAuth1], ids=["keystoneclient", "keystoneauth"])
def test_a_program_logs_in_with_what_it_was_lent(keystone, url, plugin):
    secrets = obtain_access_token(keystone)
    session = Session(plugin(url, **secrets))
    access = session.auth.get_access(session)
    assert access.role_names == ["reader"] and access.project_name == "admin" and access.username == "admin"
    assert access.oauth_access_token_id == secrets["access_key"]
    assert access.oauth_consumer_id == secrets["consumer_key"]
    assert [project.name for project in Client(session=session, interface="public").auth.projects()] == ["admin"]
    keystone.oauth1.consumers.delete(secrets["consumer_key"])
    session.invalidate()
    with pytest.raises(Unauthorized):
        session.get_token()


def test_tempests_clients(url):
    credentials = KeystoneV3Credentials(**ADMIN)
    provider = KeystoneV3AuthProvider(credentials, f"{url}/auth/tokens")
    consumers, tokens = (
        client(provider, "identity", "RegionOne", endpoint_type="public")
        for client in (OAUTHConsumerClient, OAUTHTokenClient)
    )
    view = provider.get_auth()[1]
    user, project = view["user"]["id"], view["project"]["id"]
    reader = next(role["id"] for role in view["roles"] if role["name"] == "reader")
    consumer = consumers.create_consumer("a program")["consumer"]
    request = tokens.create_request_token(consumer["id"], consumer["secret"], project)
    verifier = tokens.authorize_request_token(request["oauth_token"], [reader])["token"]["oauth_verifier"]
    access = tokens.create_access_token(
        consumer["id"], consumer["secret"], request["oauth_token"], request["oauth_token_secret"], verifier
    )["oauth_token"]
    assert tokens.get_access_token(user, access)["access_token"]["consumer_id"] == consumer["id"]
    assert [token["id"] for token in tokens.list_access_tokens(user)["access_tokens"]] == [access]
    assert [role["id"] for role in tokens.list_access_token_roles(user, access)["roles"]] == [reader]
    assert tokens.get_access_token_role(user, access, reader)["role"]["name"] == "reader"
    tokens.revoke_access_token(user, access)
    assert tokens.list_access_tokens(user)["access_tokens"] == []
