"""What request bodies may hold."""

from typing import Any

import pytest

from pileus_network.api import values


@pytest.mark.parametrize(
    ("kind", "given", "made"),
    [
        (values.boolean, "True", True),
        (values.boolean, 0, False),
        (values.integer(0, 9), "7", 7),
        (values.address, "10.0.0.1", "10.0.0.1"),
        (values.address, "FD00:0::1", "fd00::1"),
        (values.prefix, "10.0.0.7/24", "10.0.0.0/24"),
        (values.address_or_prefix, "10.0.0.7", "10.0.0.7"),
        (values.mac, "FA-16-3E-00-00-01", "fa:16:3e:00:00:01"),
        (values.nullable(values.text()), None, None),
        (values.uuid, "00000000000000000000000000000001", "00000000-0000-0000-0000-000000000001"),
        (values.items(values.text()), None, []),
        (values.document, None, {}),
        (values.blank_or(values.uuid), "", None),
    ],
)
def test_good(kind: values.Kind, given: Any, made: Any) -> None:
    assert kind(given) == made


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (values.text(3), "four"),
        (values.text(), 5),
        (values.text(), None),
        (values.text(), "a\0b"),
        (values.text(5, 1), ""),
        (values.boolean, "perhaps"),
        (values.boolean, None),
        (values.boolean, 2),
        (values.integer(0, 9), 10),
        (values.integer(0, 9), True),
        (values.integer(0, 9), "1e3"),
        (values.integer(0, 9), "9" * 30),
        (values.uuid, "x"),
        (values.uuid, 5),
        (values.address, "10.0.0.256"),
        (values.address, "fe80::1%eth0"),
        (values.address, 167772161),
        (values.prefix, "10.0.0.0"),
        (values.prefix, "10.0.0.0/33"),
        (values.mac, "ff:ff:ff:ff:ff:ff"),
        (values.mac, "x"),
        (values.items(values.text()), "abc"),
        (values.items(values.text(), most=1), ["a", "b"]),
        (values.items(values.text()), ["a", "a"]),
        (values.mapping({"a": values.text()}), {}),
        (values.mapping({"a": values.text()}), {"a": "", "b": ""}),
        (values.mapping({}), []),
        (values.document, []),
        (values.document, {"a": "x" * 5000}),
        (values.tag, "a,b"),
        (values.tag, ""),
        (values.one_of(4, 6), True),
        (values.one_of("a"), "b"),
    ],
)
def test_bad(kind: values.Kind, given: Any) -> None:
    with pytest.raises(ValueError):
        kind(given)
