"""Converters of request bodies."""

from typing import Any

import pytest

from pileus_network.api import converters


@pytest.mark.parametrize(
    ("kind", "given", "made"),
    [
        (converters.boolean, "True", True),
        (converters.boolean, 0, False),
        (converters.integer(0, 9), "7", 7),
        (converters.address, "10.0.0.1", "10.0.0.1"),
        (converters.address, "FD00:0::1", "fd00::1"),
        (converters.prefix, "10.0.0.7/24", "10.0.0.0/24"),
        (converters.address_or_prefix, "10.0.0.7", "10.0.0.7"),
        (converters.mac, "FA-16-3E-00-00-01", "fa:16:3e:00:00:01"),
        (converters.nullable(converters.text()), None, None),
        (converters.uuid, "00000000000000000000000000000001", "00000000-0000-0000-0000-000000000001"),
        (converters.list_of(converters.text()), None, []),
        (converters.json_object, None, {}),
        (converters.blank_or(converters.uuid), "", None),
    ],
)
def test_good(kind: converters.Converter, given: Any, made: Any) -> None:
    assert kind(given) == made


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (converters.text(3), "four"),
        (converters.text(), 5),
        (converters.text(), None),
        (converters.text(), "a\0b"),
        (converters.text(5, 1), ""),
        (converters.boolean, "perhaps"),
        (converters.boolean, None),
        (converters.boolean, 2),
        (converters.integer(0, 9), 10),
        (converters.integer(0, 9), True),
        (converters.integer(0, 9), "1e3"),
        (converters.integer(0, 9), "9" * 30),
        (converters.uuid, "x"),
        (converters.uuid, 5),
        (converters.address, "10.0.0.256"),
        (converters.address, "fe80::1%eth0"),
        (converters.address, 167772161),
        (converters.prefix, "10.0.0.0"),
        (converters.prefix, "10.0.0.0/33"),
        (converters.mac, "ff:ff:ff:ff:ff:ff"),
        (converters.mac, "x"),
        (converters.list_of(converters.text()), "abc"),
        (converters.list_of(converters.text(), maximum=1), ["a", "b"]),
        (converters.list_of(converters.text()), ["a", "a"]),
        (converters.mapping({"a": converters.text()}), {}),
        (converters.mapping({"a": converters.text()}), {"a": "", "b": ""}),
        (converters.mapping({}), []),
        (converters.json_object, []),
        (converters.json_object, {"a": "x" * 5000}),
        (converters.tag, "a,b"),
        (converters.tag, ""),
        (converters.one_of(4, 6), True),
        (converters.one_of("a"), "b"),
    ],
)
def test_bad(kind: converters.Converter, given: Any) -> None:
    with pytest.raises(ValueError):
        kind(given)
