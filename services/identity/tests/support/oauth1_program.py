"""A program that uses OAuth1: it signs requests and obtains access tokens."""

from datetime import datetime, timedelta
from urllib.parse import parse_qs

from oauthlib.oauth1 import Client

from pileus_kit.db import now

HERE = "http://localhost"
PROJECT = "demo"


class Program:
    """A consumer that signs and sends requests."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.consumer = cloud.make("/v3/OS-OAUTH1/consumers", "consumer", description="a program")
        self.project = cloud.id("projects", PROJECT)

    def header(self, path, token=(), secret=None, root=HERE, **signing):
        key, token_secret = (*token, None, None)[:2]
        client = Client(
            self.consumer["id"],
            client_secret=secret or self.consumer["secret"],
            resource_owner_key=key,
            resource_owner_secret=token_secret,
            **signing,
        )
        return client.sign(root + path, http_method="POST")[1]["Authorization"]

    def send(self, path, header, json=None, **headers):
        return self.cloud.call("POST", path, None, json, Authorization=header, **headers)

    def ask(self, **signing):
        path = "/v3/OS-OAUTH1/request_token"
        return self.send(path, self.header(path, callback_uri="oob", **signing), Requested_Project_Id=self.project)

    def exchange(self, token, verifier, **signing):
        path = "/v3/OS-OAUTH1/access_token"
        return self.send(path, self.header(path, token, verifier=verifier, **signing))

    def login(self, token, header=None, path="/v3/auth/tokens", **more):
        auth = {"identity": {"methods": ["oauth1"], "oauth1": {}}} | more
        return self.send(path, header or self.header(path, token), {"auth": auth})

    def obtain_access_token(self, *roles, who="admin"):
        """Ask for a request token, have it authorized, and exchange it."""
        token = oauth_token(self.ask())
        return oauth_token(
            self.exchange(token, authorize(self.cloud, token, *roles, who=who).json["token"]["oauth_verifier"])
        )


def oauth_token(answer):
    """The token and its secret, as the answer holds them."""
    assert answer.status_code == 201, answer.text
    assert answer.content_type == "application/x-www-form-urlencoded"
    given = parse_qs(answer.text)
    return given["oauth_token"][0], given["oauth_token_secret"][0]


def authorize(cloud, token, *roles, who="admin"):
    wanted = [{"name": name} for name in roles]
    return cloud.call("PUT", f"/v3/OS-OAUTH1/authorize/{token[0]}", who, {"roles": wanted})


def give(cloud, role, method="PUT"):
    path = f"/v3/projects/{cloud.id('projects', PROJECT)}/users/{cloud.id('users', 'admin')}/roles"
    assert cloud.call(method, f"{path}/{cloud.id('roles', role)}").status_code == 204


def tokens_of(cloud, user="admin"):
    return f"/v3/users/{cloud.id('users', user)}/OS-OAUTH1/access_tokens"


def expire(identity, model):
    with identity.sessions.begin() as session:
        session.query(model).update({"expires_at": now() - timedelta(seconds=1)})


def seconds_left(answer):
    until = datetime.fromisoformat(parse_qs(answer.text)["oauth_expires_at"][0])
    return (until - now()).total_seconds()
