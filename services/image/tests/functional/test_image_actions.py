"""Deactivating and reactivating images."""


def test_deactivated_data_is_out_of_reach(service):
    image = service.image(content=b"data", visibility="private")
    assert service.client.post(f"/v2/images/{image['id']}/actions/deactivate").status_code == 204
    assert service.show(image)["status"] == "deactivated"
    assert service.client.get(f"/v2/images/{image['id']}/file").status_code == 403
    assert service.client.get(f"/v2/images/{image['id']}/file", as_=service.book.admin).data == b"data"
    assert service.client.post(f"/v2/images/{image['id']}/actions/reactivate").status_code == 204
    assert service.client.get(f"/v2/images/{image['id']}/file").data == b"data"
    assert service.client.post(f"/v2/images/{service.image()['id']}/actions/deactivate").status_code == 403


def test_actions_need_an_image_with_data_of_the_own_project(service):
    queued, active = service.image(), service.image(content=b"data")
    for action in ("deactivate", "reactivate"):
        assert service.client.post(f"/v2/images/{queued['id']}/actions/{action}").status_code == 403
        path = f"/v2/images/{active['id']}/actions/{action}"
        assert service.client.post(path, as_=service.book.other).status_code == 404
        assert service.client.post(path, as_=service.book.reader).status_code == 403
        for _ in range(2):
            assert service.client.post(path).status_code == 204, "a repetition changes nothing"
    assert service.client.post(f"/v2/images/{active['id']}/actions/odd").status_code == 404
