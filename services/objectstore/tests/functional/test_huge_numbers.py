"""Numbers that exceed clocks and int() are refused like other wrong numbers, or count as very large."""

import pytest

from pileus_objectstore.core.buckets import BucketRegistry
from pileus_objectstore.testing import ObjectStoreFixture


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5000])
def test_huge_numbers_are_answered(store: ObjectStoreFixture, container: str, number: str) -> None:
    client = store.client
    assert client.put(f"{container}/o", data=b"x").status_code == 201
    assert client.get(f"{container}?limit={number}").status_code == 412
    query = f"temp_url_sig={'a' * 40}&temp_url_expires={number}"
    assert client.get(f"{container}/o?{query}").status_code == 401
    for name in ("X-Delete-At", "X-Delete-After"):
        assert client.put(f"{container}/o", data=b"x", headers={name: number}).status_code < 500
    assert client.get(f"{container}/o", headers={"Range": f"bytes={number}-"}).status_code in (200, 416)
    fields = {
        "redirect": "",
        "max_file_size": number,
        "max_file_count": number,
        "expires": number,
        "signature": "a" * 40,
    }
    form = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    )
    form += '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx\r\n--b--\r\n'
    answer = client.post(container, data=form.encode(), headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status_code == 401


@pytest.mark.parametrize("year", ["99999999999", "10000", "9" * 5000])
def test_years_that_no_date_has(store: ObjectStoreFixture, container: str, year: str) -> None:
    client, date = store.client, f"Mon, 30 Nov {year} 07:16:00 GMT"
    client.put(f"{container}/o", data=b"x")
    client.post(container, headers={"X-Container-Read": ".r:*"})
    BucketRegistry().claim(store.app.tools, "c", "AUTH_p1")
    for header in ("If-Modified-Since", "If-Unmodified-Since"):
        for path in (f"{container}/o", "/c/o"):
            answer = client.get(path, headers={header: date}, anonymous=True)
            assert (answer.status_code, answer.data) == (200, b"x"), (header, path)


def test_parts_that_no_object_has(store: ObjectStoreFixture, container: str) -> None:
    client = store.client
    client.put(f"{container}/o", data=b"x")
    client.post(container, headers={"X-Container-Read": ".r:*"})
    BucketRegistry().claim(store.app.tools, "c", "AUTH_p1")
    for number in ("0", "10001", "000001" + "9" * 5000, "\u0661", ""):
        answer = client.get(f"/c/o?partNumber={number}", anonymous=True)
        assert answer.status_code == 400 and b"InvalidArgument" in answer.data
    assert client.get("/c/o?partNumber=1", anonymous=True).data == b"x"
