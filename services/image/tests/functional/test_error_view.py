"""The bodies of errors."""

from pileus_image.api import error_view


def test_errors_are_json_for_clients_that_accept_it_and_html_for_others(service):
    plain = service.client.get("/v2/images/none", headers={"Accept": "application/json"})
    assert (plain.status_code, plain.json["title"]) == (404, "Not Found")
    assert plain.json["message"] == "Failed to find image none to show"
    page = service.client.get("/v2/images/<b>", headers={"Accept": "*/*"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<title>404 Not Found</title>" in page.text and "&lt;b&gt;" in page.text
    assert service.client.get("/v2/images/").status_code == 404
    assert service.client.delete("/v2/images/").status_code == 404


def test_what_the_server_refuses_before_it_is_a_request_has_a_body_too():
    body, kind = error_view.view(None, 503, "This process is about to end.")
    assert "<title>503 Service Unavailable</title>" in body and kind.startswith("text/html")
