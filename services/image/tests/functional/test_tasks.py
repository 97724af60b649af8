"""The older tasks API, whose tasks are imports."""


def test_a_task_makes_an_image(reaching, site):
    task_input = {
        "import_from": f"{site}/image",
        "import_from_format": "raw",
        "image_properties": {"name": "t", "disk_format": "raw", "container_format": "bare", "visibility": "public"},
    }
    assert reaching.client.post("/v2/tasks", json={"type": "import", "input": task_input}).status_code == 403
    for bad in (
        {"type": "odd", "input": task_input},
        {"type": "import"},
        {"type": "import", "input": task_input | {"x": "y"}},
        {"type": "import", "input": task_input | {"import_from": "file:///etc/passwd"}},
    ):
        assert reaching.client.post("/v2/tasks", json=bad, as_=reaching.book.admin).status_code == 400
    made = reaching.client.post("/v2/tasks", json={"type": "import", "input": task_input}, as_=reaching.book.admin)
    assert (made.status_code, made.json["status"], made.json["input"]) == (201, "processing", task_input)
    reaching.drain()
    task = reaching.client.get(f"/v2/tasks/{made.json['id']}", as_=reaching.book.admin).json
    assert (task["status"], task["type"]) == ("success", "import")
    assert reaching.show({"id": task["result"]["image_id"]})["status"] == "active"


def test_tasks_of_other_projects_are_not_found(service):
    image = service.image()
    service.upload(image, b"staged", "stage")
    service.client.post(f"/v2/images/{image['id']}/import", json={"method": {"name": "glance-direct"}})
    (task,) = service.client.get("/v2/tasks").json["tasks"]
    assert service.client.get(f"/v2/tasks/{task['id']}", as_=service.book.other).status_code == 404
    assert service.client.get(f"/v2/tasks/{task['id']}", as_=service.book.admin).json == task
    assert service.client.get("/v2/tasks", as_=service.book.other).json["tasks"] == []
    assert [one["id"] for one in service.client.get("/v2/tasks", as_=service.book.admin).json["tasks"]] == [task["id"]]
    assert service.client.get("/v2/tasks/none").status_code == 404
