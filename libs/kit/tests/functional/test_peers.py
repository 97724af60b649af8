"""Calls to other services: our token, the user's, the catalogue, and what their answers become."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from pileus_kit import context, peers
from pileus_kit.auth import Caller
from pileus_kit.config import ServiceConfig
from pileus_kit.errors import PeerDown, Transient, Unauthorized
from pileus_kit.peers import PeerFailed, PeerRefused, Peers

Answer = tuple[int, Any] | Exception


class Cloud(BaseAdapter):
    """Identity and an image service as a transport of requests; `answers` are the image service's, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[requests.PreparedRequest] = []
        self.logins = 0
        self.answers: list[Answer] = []
        self.identity: Answer | None = None
        self.endpoints = {"internal": "http://image.test:9292/v2", "public": "http://public.test/v2"}
        self.region = "RegionOne"

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        path = str(request.url).partition("//")[2].partition("/")[2]
        if path == "v3/auth/tokens" and request.method == "POST":
            self.logins += 1
            return self._respond(self.identity or (201, self._login()), {"X-Subject-Token": f"ours-{self.logins}"})
        self.calls.append(request)
        if str(request.url).startswith("http://identity.test"):
            return self._respond(self.identity or (200, self._login()))
        return self._respond(self.answers.pop(0) if self.answers else (200, {"ok": True}))

    def _login(self) -> dict[str, Any]:
        endpoints = [{"interface": i, "url": url, "region": self.region} for i, url in self.endpoints.items()]
        domain = {"id": "default", "name": "Default"}
        return {
            "token": {
                "user": {"id": "u-compute", "name": "compute", "domain": domain},
                "project": {"id": "service", "name": "service", "domain": domain},
                "roles": [{"name": "service"}],
                "expires_at": "2099-01-01T00:00:00Z",
                "catalog": [{"type": "image", "endpoints": endpoints}],
            }
        }

    def _respond(self, answer: Answer, headers: dict[str, str] | None = None) -> requests.Response:
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code, body = answer
        response._content = body if isinstance(body, bytes) else json.dumps(body).encode()
        response.reason = "Reason"
        response.headers.update(headers or {})
        return response

    def close(self) -> None:
        pass


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def ours(cloud: Cloud) -> Peers:
    config = ServiceConfig(identity_url="http://identity.test/v3", service_user="compute", service_password="x")
    return Peers(config, {"http://": cloud})


USER = Caller(token="users-token", user_id="u", project_id="p")


def test_a_service_calls_as_itself(ours: Peers, cloud: Cloud) -> None:
    assert ours.call("image", "GET", "/v2/images?limit=1") == {"ok": True}
    (call,) = cloud.calls
    assert call.url == "http://image.test:9292/v2/images?limit=1"
    assert call.headers["X-Auth-Token"] == "ours-1"
    assert "X-Service-Token" not in call.headers
    assert (ours.me().user_id, ours.me().project_id) == ("u-compute", "service")


def test_a_service_calls_on_a_users_behalf(ours: Peers, cloud: Cloud) -> None:
    token = context.request_id.set("req-1")
    try:
        ours.call(
            "image", "POST", "/v2/images", caller=USER, json={"name": "x"}, microversion="2.3", headers={"A": "b"}
        )
    finally:
        context.request_id.reset(token)
    (call,) = cloud.calls
    assert call.body == b'{"name":"x"}'
    assert {name: call.headers[name] for name in ("X-Auth-Token", "X-Service-Token", "OpenStack-API-Version", "A")} == {
        "X-Auth-Token": "users-token",
        "X-Service-Token": "ours-1",
        "OpenStack-API-Version": "image 2.3",
        "A": "b",
    }
    assert call.headers["X-OpenStack-Request-ID"] == "req-1"


def test_one_login_serves_many_calls(ours: Peers, cloud: Cloud) -> None:
    for _ in range(3):
        ours.call("image", "GET", "/v2/images")
    assert cloud.logins == 1


def test_an_empty_answer_is_none(ours: Peers, cloud: Cloud) -> None:
    cloud.answers = [(204, b"")]
    assert ours.call("image", "DELETE", "/v2/images/x") is None


def test_a_token_that_was_revoked_is_replaced_once(ours: Peers, cloud: Cloud) -> None:
    cloud.answers = [(401, {}), (200, {"ok": 2})]
    assert ours.call("image", "GET", "/v2/images") == {"ok": 2}
    assert [call.headers["X-Auth-Token"] for call in cloud.calls] == ["ours-1", "ours-2"]
    cloud.answers = [(401, {"message": "no"}), (401, {"message": "no"})]
    with pytest.raises(PeerRefused) as refused:
        ours.call("image", "GET", "/v2/images")
    assert refused.value.status == 401


def test_a_stream_is_not_sent_twice(ours: Peers, cloud: Cloud) -> None:
    cloud.answers = [(401, {"message": "no"})]
    with pytest.raises(PeerRefused):
        ours.send("image", "PUT", "/v2/images/x/file", data=iter([b"x"]))
    assert len(cloud.calls) == 1


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"itemNotFound": {"code": 404, "message": "No such server."}}, "No such server."),
        ({"NeutronError": {"type": "X", "message": "No such port.", "detail": ""}}, "No such port."),
        ({"message": "No such image.", "code": "404 Not Found"}, "No such image."),
        ({"error": {"message": "No such user."}}, "No such user."),
        ({"error": "No such thing."}, "No such thing."),
        (b"<html>plain</html>", "<html>plain</html>"),
        (b"", "Reason"),
        ({}, "{}"),
    ],
)
def test_a_refusal_keeps_its_status_and_sentence(ours: Peers, cloud: Cloud, body: Any, sentence: str) -> None:
    cloud.answers = [(404, body)]
    with pytest.raises(PeerRefused) as refused:
        ours.call("image", "GET", "/v2/images/x")
    assert (refused.value.status, refused.value.service, str(refused.value)) == (404, "image", sentence)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_service_that_is_unavailable_is_down(ours: Peers, cloud: Cloud, status: int) -> None:
    cloud.answers = [(status, {"message": "busy"})]
    with pytest.raises(PeerDown, match="The image service does not answer: busy"):
        ours.call("image", "GET", "/v2/images")


@pytest.mark.parametrize("status", [500, 507])
def test_a_service_that_fails_may_succeed_later(ours: Peers, cloud: Cloud, status: int) -> None:
    cloud.answers = [(status, {"message": "bug"})]
    with pytest.raises(PeerFailed, match="bug") as failed:
        ours.call("image", "GET", "/v2/images")
    assert isinstance(failed.value, Transient)


def test_an_operation_that_a_service_lacks_stays_a_refusal(ours: Peers, cloud: Cloud) -> None:
    cloud.answers = [(501, {"message": "not here"})]
    with pytest.raises(PeerRefused) as refused:
        ours.call("image", "GET", "/v2/images")
    assert refused.value.status == 501
    assert not isinstance(refused.value, Transient)


def test_a_service_that_moved_is_looked_up_again(ours: Peers, cloud: Cloud) -> None:
    ours.call("image", "GET", "/v2/images")
    cloud.endpoints["internal"] = "http://moved.test:9292/v2"
    cloud.answers = [requests.ConnectionError("refused")]
    with pytest.raises(PeerDown, match="it can't be reached"):
        ours.call("image", "GET", "/v2/images")
    ours.call("image", "GET", "/v2/images")
    assert cloud.calls[-1].url == "http://moved.test:9292/v2/images"


def test_a_service_that_does_not_answer_in_time_is_down(ours: Peers, cloud: Cloud) -> None:
    cloud.answers = [requests.ReadTimeout("slow")]
    with pytest.raises(PeerDown, match="in time"):
        ours.call("image", "GET", "/v2/images")


def test_the_public_endpoint_serves_where_there_is_no_internal_one(ours: Peers, cloud: Cloud) -> None:
    del cloud.endpoints["internal"]
    assert ours.endpoint("image") == "http://public.test"
    assert ours.endpoint("identity") == "http://identity.test"


@pytest.mark.parametrize(
    "change", [lambda cloud: setattr(cloud, "region", "Other"), lambda cloud: cloud.endpoints.clear()]
)
def test_a_service_that_is_not_in_the_catalogue_is_down(
    ours: Peers, cloud: Cloud, change: Callable[[Cloud], object]
) -> None:
    change(cloud)
    with pytest.raises(PeerDown, match="the catalogue doesn't offer it"):
        ours.call("image", "GET", "/v2/images")


@pytest.mark.parametrize("path", ["/v2/images/../tokens", "/v2/./images", "/v2/images/..?x=1"])
def test_an_id_does_not_lead_to_another_resource(ours: Peers, cloud: Cloud, path: str) -> None:
    with pytest.raises(PeerRefused) as refused:
        ours.call("image", "GET", path)
    assert refused.value.status == 404
    assert cloud.calls == []


def test_a_login_that_is_refused_says_so(ours: Peers, cloud: Cloud) -> None:
    cloud.identity = (401, {"error": {"message": "no"}})
    with pytest.raises(PeerDown, match=r"it refuses compute \(401\)"):
        ours.token()


def test_a_login_that_failed_counts_for_those_that_wait(
    ours: Peers, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "LOGIN_PAUSE_S", 3600.0)
    cloud.identity = requests.ConnectionError("refused")
    with pytest.raises(PeerDown, match="it can't be reached"):
        ours.token()
    with pytest.raises(PeerDown, match="could not log in a moment ago"):
        ours.token()
    assert cloud.logins == 1


def test_tokens_of_callers_are_checked_through_identity(ours: Peers, cloud: Cloud) -> None:
    view = ours._validate("users-token")
    assert view["user"]["name"] == "compute"
    (call,) = cloud.calls
    assert call.url == "http://identity.test/v3/auth/tokens?nocatalog=1"
    assert call.headers["X-Subject-Token"] == "users-token"


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_token_that_identity_refuses_is_unauthorized(ours: Peers, cloud: Cloud, status: int) -> None:
    ours.token()
    cloud.identity = (status, {"error": {"message": "no"}})
    if status == 401:  # our own token may have been revoked instead, so there is another login
        ours._log_in = lambda: None  # type: ignore[method-assign]
    with pytest.raises(Unauthorized):
        ours._validate("bad")


def test_other_failures_of_identity_are_not_the_users(ours: Peers, cloud: Cloud) -> None:
    ours.token()
    cloud.identity = (500, {"error": {"message": "bug"}})
    with pytest.raises(PeerFailed):
        ours._validate("good")


def test_revocations_are_asked_for_by_serial(ours: Peers, cloud: Cloud) -> None:
    ours._revoked(7)
    assert cloud.calls[-1].url == "http://identity.test/v3/OS-PILEUS/revocations?since=7"
    assert ours.authenticator()._revoked == ours._revoked
