"""Numbers that exceed clocks and int() are refused like other wrong numbers, or count as very large."""

import pytest

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
