"""Which version of an API a request speaks."""

import re
from dataclasses import dataclass

from pileus_kit.errors import BadRequest, NotAcceptable

Version = tuple[int, int]


class VersionMalformed(BadRequest):
    text = "API Version String {value} is of invalid format. Must be of format MajorNum.MinorNum."


class VersionUnsupported(NotAcceptable):
    text = "Version {value} is not supported by the API. Minimum is {oldest} and maximum is {newest}."


@dataclass(frozen=True)
class Microversions:
    """`service` as in `OpenStack-API-Version: service 2.1`; `legacy` is an older header with the bare number."""

    service: str
    legacy: str | None
    oldest: Version
    newest: Version

    def of(self, header: str | None, legacy: str | None) -> Version:
        """The version asked for; the oldest if the request doesn't say."""
        wish = next(
            (
                part.split()[1]
                for part in (header or "").split(",")
                if len(part.split()) == 2 and part.split()[0].lower() == self.service
            ),
            legacy,
        )
        if wish is None or not wish:
            return self.oldest
        if wish.lower() == "latest":
            return self.newest
        if not re.fullmatch(r"[1-9]\d{0,3}\.(0|[1-9]\d{0,4})", wish):
            raise VersionMalformed(value=wish)
        major, minor = map(int, wish.split("."))
        if not self.oldest <= (major, minor) <= self.newest:
            raise VersionUnsupported(value=wish, oldest=text(self.oldest), newest=text(self.newest))
        return major, minor


def text(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
