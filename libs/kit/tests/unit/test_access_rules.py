"""What access rules cover, and that no rule takes long to say so."""

import time

import pytest

from pileus_kit.access_rules import covered, covers


@pytest.mark.parametrize(
    ("pattern", "path", "yes"),
    [
        ("/v2.1/servers", "/v2.1/servers", True),
        ("/v2.1/servers", "/v2x1/servers", False),
        ("/v2.1/servers", "/v2.1/servers/", False),
        ("/v2.1/servers/*", "/v2.1/servers/a", True),
        ("/v2.1/servers/*", "/v2.1/servers/a/b", False),
        ("/v2.1/servers/*", "/v2.1/servers/", False),
        ("/v2.1/servers/{id}", "/v2.1/servers/a", True),
        ("/v2.1/{a}/{b}/x", "/v2.1/1/2/x", True),
        ("/v2.1/**", "/v2.1/servers/a/b", True),
        ("/v2.1/**", "/v3/x", False),
        ("/**", "/anything/at/all", True),
        ("/v1/AUTH_*/c", "/v1/AUTH_p/c", True),
        ("/v1/AUTH_*/c", "/v1/AUTH_p/d", False),
        ("/**/c", "/a/b/c", True),
        ("/{open", "/{open", True),
        ("/a+(b)|.*", "/a+(b)|x*", False),
        ("/ü/*", "/ü/é", True),
        ("/**", "/a\nb", True),
        ("/x", "/x\n", False),
        ("/*", "/\ud800", False),
    ],
)
def test_what_a_pattern_covers(pattern: str, path: str, yes: bool) -> None:
    assert covers(pattern, path) is yes


def test_a_rule_is_of_one_service_and_method() -> None:
    rules = [("compute", "GET", "/v2.1/**")]
    assert covered(rules, "compute", "GET", "/v2.1/servers")
    assert not covered(rules, "compute", "POST", "/v2.1/servers")
    assert not covered(rules, "network", "GET", "/v2.1/servers")


@pytest.mark.parametrize("pattern", ["/" + "/".join(["**"] * 60) + "/x", "/" + "*" * 223, "/" + "{a}" * 74])
def test_no_rule_takes_long(pattern: str) -> None:
    began = time.process_time()
    assert not any(covers(pattern, "/a" * 2000 + "/y" * 2 + "/") and pattern.endswith("x") for _ in range(20))
    assert time.process_time() - began < 5
