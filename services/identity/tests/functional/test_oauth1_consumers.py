"""OAuth1 consumers: /v3/OS-OAUTH1/consumers."""

from oauth1_program import HERE

from pileus_identity.db.models import Consumer


def test_a_consumers_secret_is_shown_once(cloud, identity):
    made = cloud.make("/v3/OS-OAUTH1/consumers", "consumer", description="d", team="blue", secret="mine")
    path = f"/v3/OS-OAUTH1/consumers/{made['id']}"
    assert len(made["secret"]) > 60 and made["links"]["self"] == HERE + path
    shown = {key: value for key, value in made.items() if key != "secret"}
    assert cloud.get(path).json["consumer"] == shown and shown["team"] == "blue"
    assert cloud.get("/v3/OS-OAUTH1/consumers").json["consumers"] == [shown]
    assert cloud.get(path, "admin@system").status_code == 200
    with identity.sessions.read() as session:
        assert made["secret"] not in session.get_one(Consumer, made["id"]).secret
    changed = cloud.call("PATCH", path, json={"consumer": {"description": None}}).json["consumer"]
    assert changed == shown | {"description": None}
    assert cloud.call("PATCH", path, json={"consumer": {"secret": "x"}}).status_code == 400
    assert cloud.call("PATCH", path, json={"consumer": {"id": "x"}}).status_code == 400
    assert cloud.call("PATCH", path, json={"consumer": {}}).status_code == 400
    assert cloud.call("DELETE", path).status_code == 204
    assert cloud.get(path).status_code == 404 and cloud.call("DELETE", path).status_code == 404
