"""Tags of images."""


def test_a_tag_is_added_once_found_and_removed(service):
    image = service.image()
    path = f"/v2/images/{image['id']}/tags/a%20b"
    assert service.client.put(path).status_code == 204
    assert service.client.put(path).status_code == 204
    assert service.names("?tag=a%20b") == ["image"]
    assert service.client.get(f"/v2/images/{image['id']}").json["tags"] == ["a b"]
    assert service.client.delete(path).status_code == 204
    assert service.client.delete(path).status_code == 404
    assert service.client.put(f"/v2/images/{image['id']}/tags/{'t' * 256}").status_code == 400


def test_an_image_has_at_most_128_tags(service):
    image = service.image(tags=[str(number) for number in range(128)])
    assert service.client.put(f"/v2/images/{image['id']}/tags/more").status_code == 413
    assert service.client.put(f"/v2/images/{image['id']}/tags/1").status_code == 204


def test_tags_of_other_projects_images_are_out_of_reach(service):
    private, shared = service.image(tags=["t"]), service.image(tags=["t"])
    service.client.post(f"/v2/images/{shared['id']}/members", json={"member": "p2"})
    for image, status in ((private, 404), (shared, 403)):
        for method in ("PUT", "DELETE"):
            path = f"/v2/images/{image['id']}/tags/t"
            assert service.client.request(method, path, as_=service.book.other).status_code == status
