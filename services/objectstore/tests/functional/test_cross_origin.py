"""Cross-origin requests of browsers."""

from pileus_objectstore.testing import ObjectStoreFixture

ORIGIN = "http://example.com"


def test_cors(store: ObjectStoreFixture, container: str) -> None:
    store.client.post(
        container,
        headers={
            "X-Container-Meta-Access-Control-Allow-Origin": ORIGIN,
            "X-Container-Meta-Access-Control-Max-Age": "5",
        },
    )
    asks = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-auth-token"}
    flight = store.client.request("OPTIONS", f"{container}/o", headers=asks, anonymous=True)
    assert flight.status_code == 200
    assert flight.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert flight.headers["Access-Control-Allow-Headers"] == "x-auth-token"
    assert flight.headers["Access-Control-Max-Age"] == "5"
    asks["Origin"] = "http://evil.com"
    assert store.client.request("OPTIONS", f"{container}/o", headers=asks, anonymous=True).status_code == 401
    store.client.put(f"{container}/o", data=b"x", headers={"X-Object-Meta-A": "1"})
    got = store.client.get(f"{container}/o", headers={"Origin": ORIGIN})
    assert got.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "x-object-meta-a" in got.headers["Access-Control-Expose-Headers"]
    assert (
        "Access-Control-Allow-Origin"
        not in store.client.get(f"{container}/o", headers={"Origin": "http://evil.com"}).headers
    )
    assert "PUT" in store.client.request("OPTIONS", f"{container}/o").headers["Allow"]


def test_crossdomain(store: ObjectStoreFixture) -> None:
    assert store.client.get("/crossdomain.xml", anonymous=True).data.startswith(b'<?xml version="1.0"?>\n<!DOCTYPE')
