"""Converters of the values in request bodies: from JSON to what the core takes.

A converter raises ValueError with the reason, in a sentence.
"""

import ipaddress
import re
import uuid as uuids
from collections.abc import Callable, Mapping
from typing import TypeAlias, TypeVar

from oslo_utils import strutils

from pileus_kit.json_types import JsonObject

Value = TypeVar("Value")
Converter: TypeAlias = Callable[[object], object]

MAC = re.compile("[0-9a-f]{12}")
NO_MACS = ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff")
LABEL = re.compile("[a-z0-9]([a-z0-9-]*[a-z0-9])?")
DIGITS = re.compile(r"\s*[+-]?[0-9]{1,18}\s*", re.ASCII)


def text(maximum: int = 255, minimum: int = 0) -> Callable[[object], str]:
    def convert(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(f"'{value}' is not a valid string")
        if len(value) > maximum:
            raise ValueError(f"'{value[:40]}…' exceeds maximum length of {maximum}")
        if len(value) < minimum:
            raise ValueError(
                "a blank string is not permitted" if minimum == 1 else f"it needs at least {minimum} characters"
            )
        if "\0" in value:
            raise ValueError("it contains a null character")
        return value

    return convert


def boolean(value: object) -> bool:
    """JSON's booleans, and the words and numbers that OpenStack takes for them."""
    if isinstance(value, bool):
        return value
    try:
        return bool(strutils.bool_from_string(value if isinstance(value, str | int) else "", strict=True))
    except ValueError:
        raise ValueError(f"'{value}' cannot be converted to boolean") from None


def whole_number(value: object) -> int:
    """A whole number; text (`"7"`) and floats (`7.0`) of whole numbers are accepted."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | str) or not DIGITS.fullmatch(str(value)):
        raise ValueError(f"'{str(value)[:40]}' is not an integer")
    return int(value)


def integer(minimum: int, maximum: int) -> Callable[[object], int]:
    def convert(value: object) -> int:
        found = whole_number(value)
        if not minimum <= found <= maximum:
            raise ValueError(f"'{value}' is out of range ({minimum} through {maximum})")
        return found

    return convert


def uuid(value: object) -> str:
    try:
        return str(uuids.UUID(value)) if isinstance(value, str) and len(value) in (32, 36) else _not_uuid(value)
    except ValueError:
        return _not_uuid(value)


def _not_uuid(value: object) -> str:
    raise ValueError(f"'{value}' is not a valid UUID")


def nullable(convert: Callable[[object], Value]) -> Callable[[object], Value | None]:
    return lambda value: None if value is None else convert(value)


def blank_or(convert: Callable[[object], Value]) -> Callable[[object], Value | None]:
    """Null and the empty string stand for none."""
    return lambda value: None if value in (None, "") else convert(value)


def one_of(*choices: str | int | None) -> Converter:
    """One of these words or numbers; numbers may be given as text."""
    numbers = all(isinstance(choice, int) for choice in choices)

    def convert(value: object) -> object:
        try:
            found = whole_number(value) if numbers else value
        except ValueError:
            found = None
        if not isinstance(found, str | int | None) or isinstance(found, bool) or found not in choices:
            raise ValueError(f"'{value}' is not in {list(choices)}")
        return found

    return convert


def address(value: object) -> str:
    """An IPv4 or IPv6 address, in canonical form."""
    try:
        if not isinstance(value, str) or "%" in value:
            raise ValueError
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(f"'{value}' is not a valid IP address") from None


def prefix(value: object) -> str:
    """A prefix in canonical form; host bits are dropped, as in OpenStack."""
    try:
        if not isinstance(value, str) or "/" not in value or "%" in value:
            raise ValueError
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise ValueError(f"'{value}' is not a valid IP subnet") from None


def address_or_prefix(value: object) -> str:
    return prefix(value) if isinstance(value, str) and "/" in value else address(value)


def mac(value: object) -> str:
    """A MAC in any usual spelling (pairs, groups of four, bare), but for the null and the broadcast address."""
    digits = re.sub("[:.-]", "", value.lower()) if isinstance(value, str) and len(value) <= 17 else ""
    text = ":".join(digits[at : at + 2] for at in range(0, 12, 2))
    if not MAC.fullmatch(digits) or text in NO_MACS:
        raise ValueError(f"'{value}' is not a valid MAC address")
    return text


def list_of(
    convert_item: Callable[[object], Value], maximum: int = 100, unique: bool = True
) -> Callable[[object], list[Value]]:
    """A list; null stands for an empty one."""

    def convert(value: object) -> list[Value]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise ValueError(f"'{value}' is not a list")
        if len(value) > maximum:
            raise ValueError(f"it has more than {maximum} items")
        made = [convert_item(item) for item in value]
        if unique and any(item in made[:number] for number, item in enumerate(made)):
            raise ValueError(
                "Duplicate items in the list: " + ", ".join(sorted({repr(i) for i in made if made.count(i) > 1}))
            )
        return made

    return convert


def mapping(
    required: Mapping[str, Converter], optional: Mapping[str, Converter] | None = None
) -> Callable[[object], JsonObject]:
    """An object with these keys and no others."""
    known = dict(required) | dict(optional or {})

    def convert(value: object) -> JsonObject:
        if not isinstance(value, dict):
            raise ValueError(f"'{value}' is not a dictionary")
        for name in required:
            if name not in value:
                raise ValueError(f"the required key '{name}' is missing")
        for name in value:
            if name not in known:
                raise ValueError(f"the key '{name}' is not expected")
        return {name: known[name](value[name]) for name in value}

    return convert


def json_object(value: object) -> JsonObject:
    """Any JSON object of at most 4095 characters."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"'{value}' is not a dictionary")
    if len(repr(value)) > 4095:
        raise ValueError("it is longer than 4095 characters")
    return value


def dns_label(value: object) -> str:
    """One label of a domain name (RFC 1123), in lower case; "" stands for none."""
    found = text(63)("" if value is None else value).lower()
    if found and not LABEL.fullmatch(found):
        raise ValueError(f"'{value}' is not a valid host name")
    return str(found)


def tag(value: object) -> str:
    """A tag. Commas separate tags in queries, so a tag can't contain one."""
    found = text(255, 1)(value)
    if "," in found:
        raise ValueError(f"'{value}' contains a comma")
    return str(found)
