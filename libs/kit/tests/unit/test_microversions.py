"""Which microversion a request asks for."""

import pytest

from pileus_kit.microversions import Microversions, Version, VersionMalformed, VersionUnsupported, text

COMPUTE = Microversions("compute", "X-OpenStack-Nova-API-Version", (2, 1), (2, 96))


@pytest.mark.parametrize(
    ("header", "legacy", "expected"),
    [
        (None, None, (2, 1)),
        ("", "", (2, 1)),
        ("compute 2.79", None, (2, 79)),
        ("COMPUTE 2.79", None, (2, 79)),
        ("volume 3.60, compute 2.10", None, (2, 10)),
        ("volume 3.60", None, (2, 1)),
        ("compute", "2.5", (2, 5)),
        ("compute 2.79", "2.5", (2, 79)),
        (None, "2.5", (2, 5)),
        ("compute latest", None, (2, 96)),
        (None, "Latest", (2, 96)),
    ],
)
def test_versions_of_headers(header: str | None, legacy: str | None, expected: Version) -> None:
    assert COMPUTE.of(header, legacy) == expected


@pytest.mark.parametrize("asked", ["2", "2.1.1", "two", "02.1", "2.01", "-2.1", "2.1e3", "2.100000"])
def test_what_is_no_version_is_refused(asked: str) -> None:
    with pytest.raises(VersionMalformed, match="invalid format"):
        COMPUTE.of(f"compute {asked}", None)


@pytest.mark.parametrize("asked", ["2.0", "2.97", "1.5", "3.0"])
def test_a_version_that_the_api_lacks_is_refused(asked: str) -> None:
    with pytest.raises(VersionUnsupported, match=r"Minimum is 2\.1 and maximum is 2\.96"):
        COMPUTE.of(None, asked)


def test_versions_have_a_notation() -> None:
    assert text((2, 79)) == "2.79"
