"""boto3 against the object store, with access keys of a real identity service, all in this process."""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import boto3
import pytest
from botocore.config import Config as BotoConfig
from botocore.exceptions import ClientError
from werkzeug.serving import make_server

from pileus_identity.testing import IdentityFixture
from pileus_kit.policy import Enforcer
from pileus_kit.testing import routed_peers
from pileus_objectstore import app
from pileus_objectstore.clients.access_keys import IdentityVerifier
from pileus_objectstore.policy import RULES
from pileus_objectstore.testing import ObjectStoreFixture


class S3:
    """An object store on a port, and the users of an identity service."""

    def __init__(self, url: str, identity: IdentityFixture, store: ObjectStoreFixture) -> None:
        self.url, self.identity, self.store = url, identity, store
        self.keys: dict[str, tuple[str, str]] = {}

    def key(self, user: str) -> tuple[str, str]:
        """An access key and its secret, of this user for their project."""
        if user not in self.keys:
            headers, facts = self._login(user)
            path = f"/v3/users/{facts['user']['id']}/credentials/OS-EC2"
            body = {"tenant_id": facts["project"]["id"]}
            made = self.identity.client.post(path, json=body, headers=headers).get_json()["credential"]
            self.keys[user] = made["access"], made["secret"]
        return self.keys[user]

    def project(self, user: str = "demo") -> str:
        """The id of the user's project."""
        found: str = self._login(user)[1]["project"]["id"]
        return found

    def _login(self, user: str) -> tuple[dict[str, str], Any]:
        """The headers of a user's requests, and what identity tells of them."""
        token = self.identity.token(user)
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        return headers, self.identity.client.get("/v3/auth/tokens", headers=headers).get_json()["token"]

    def swift(self, method: str, path: str, body: bytes | None = None, user: str = "demo", **headers: str) -> int:
        """The status of a user's call of Swift's API on the account of demo's project."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given["X-Auth-Token"] = self.identity.token(user)
        url = f"{self.url}/v1/AUTH_{self.project()}/{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, given, method=method), timeout=30) as answer:
                return int(answer.status)
        except HTTPError as err:
            return err.code

    def client(self, user: str = "demo", secret: str = "", access: str = "", **config: Any) -> Any:
        """A boto3 client that signs with the user's key."""
        known = self.key(user)
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=access or known[0],
            aws_secret_access_key=secret or known[1],
            region_name="RegionOne",
            config=BotoConfig(s3={"addressing_style": "path"}, retries={"max_attempts": 0}, **config),
        )


@contextmanager
def s3_store(directory: Path, **options: Any) -> Iterator[S3]:
    """A store whose proxy has these options."""
    with ExitStack() as stack:
        identity = stack.enter_context(IdentityFixture())
        store = ObjectStoreFixture(directory, **options)
        stack.callback(store.close)
        peers = routed_peers({"identity": identity.app}, identity.token("objectstore"))
        proxy = app.create(store.config, peers.authenticator(), Enforcer(RULES), IdentityVerifier(peers))
        stack.callback(proxy.tools.cluster.close)
        server = make_server("127.0.0.1", 0, proxy, threaded=True)  # type: ignore[arg-type]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.shutdown)
        yield S3(f"http://127.0.0.1:{server.server_port}", identity, store)


def refusal(call: Any, **arguments: Any) -> tuple[int, str]:
    """The status and the code with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def set_rules(s3: S3, bucket: str, *rules: dict[str, Any]) -> None:
    """Give a bucket lifecycle rules."""
    full = [{"Status": "Enabled", "ID": f"r{n}", **rule} for n, rule in enumerate(rules)]
    s3.client().put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": full})
