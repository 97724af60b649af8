"""Messages (3.3): why accepted requests failed."""


def test_messages(world):
    world.client.put("/v3/os-services/disable", json={"host": "host1"}, as_=world.book.admin)
    volume = world.volume()["id"]
    (message,) = world.client.get("/v3/messages", version="3.5").json["messages"]
    assert message["resource_uuid"] == volume and message["message_level"] == "ERROR"
    path = f"/v3/messages/{message['id']}"
    assert world.client.get(path, version="3.2").status_code == 404
    assert world.client.get(path, version="3.3", as_=world.book.other).status_code == 404
    assert world.client.delete(path, version="3.3").status_code == 204
    assert world.client.get(path, version="3.3").status_code == 404


def test_lists_are_filtered_and_belong_to_the_project(world):
    world.volume_type("nowhere", extra_specs={"volume_backend_name": "elsewhere"})
    volumes = [world.volume(volume_type="nowhere")["id"] for _ in range(2)]

    def found(query, as_=None):
        answer = world.client.get(f"/v3/messages?{query}", version="3.5", as_=as_)
        assert answer.status_code == 200, answer.text
        return [message["resource_uuid"] for message in answer.json["messages"]]

    assert found("sort=created_at:asc") == volumes and found(f"resource_uuid={volumes[0]}") == volumes[:1]
    assert found("resource_type=VOLUME_SNAPSHOT") == [] and found("event_id=VOLUME_VOLUME_001_001") == volumes[::-1]
    assert found("", as_=world.book.other) == []
    assert len(found("limit=1")) == 1 and world.client.get("/v3/messages", version="3.2").status_code == 404
    message = world.client.get("/v3/messages", version="3.5").json["messages"][0]["id"]
    path = f"/v3/messages/{message}"
    assert world.client.delete(path, version="3.5", as_=world.book.reader).status_code == 403
    assert world.client.delete(path, version="3.5", as_=world.book.other).status_code == 404
