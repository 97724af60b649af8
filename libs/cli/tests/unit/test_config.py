"""Which cloud, and who: as openstacksdk reads it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pileus_cli import config
from pileus_cli.errors import Usage

PASSWORD = {"auth_url": "http://a/v3", "username": "u", "password": "p", "project_name": "x"}


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(config, "PLACES", (tmp_path / "here", tmp_path / "home", tmp_path / "etc"))
    monkeypatch.setattr(config, "ALL_IN_ONE", tmp_path / "nowhere")
    return tmp_path


def write(file: Path, content: Any) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(content))
    return file


def cloud(**facts: Any) -> dict[str, Any]:
    return {"auth": dict(PASSWORD), **facts}


def test_the_nearest_file_wins(places: Path) -> None:
    write(places / "etc/clouds.yaml", {"clouds": {"c": cloud(region_name="far")}})
    assert config.load({"cloud": "c"}, {}).region == "far"
    write(places / "here/clouds.yaml", {"clouds": {"c": cloud(region_name="near")}})
    assert config.load({"cloud": "c"}, {}).region == "near"
    named = write(places / "other.yaml", {"clouds": {"c": cloud(region_name="named")}})
    assert config.load({}, {"OS_CLIENT_CONFIG_FILE": str(named), "OS_CLOUD": "c"}).region == "named"


def test_options_over_variables_over_the_file(places: Path) -> None:
    write(places / "here/clouds.yaml", {"clouds": {"c": cloud()}})
    variables = {"OS_CLOUD": "c", "OS_PROJECT_NAME": "y", "OS_USERNAME": "v"}
    made = config.load({"project_name": "z"}, variables)
    assert (made.auth["project_name"], made.auth["username"], made.auth["password"]) == ("z", "v", "p")


def test_secrets_lie_beside(places: Path) -> None:
    entry = cloud()
    del entry["auth"]["password"]
    write(places / "here/clouds.yaml", {"clouds": {"c": entry}})
    write(places / "here/secure.yaml", {"clouds": {"c": {"auth": {"password": "hidden"}}}})
    assert config.load({"cloud": "c"}, {}).auth["password"] == "hidden"


def test_an_openrc_needs_no_file(places: Path) -> None:
    made = config.load(
        {},
        {
            "OS_AUTH_URL": "http://a/v3",
            "OS_USERNAME": "u",
            "OS_PASSWORD": "p",
            "OS_SYSTEM_SCOPE": "all",
            "OS_REGION_NAME": "r",
            "OS_INTERFACE": "internal",
            "OS_CACERT": "/ca.pem",
        },
    )
    assert made.auth["system_scope"] == "all"
    assert (made.region, made.interface, made.cacert, made.auth_type) == ("r", "internal", "/ca.pem", "password")


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"OS_TOKEN": "t"}, "token"),
        ({"OS_APPLICATION_CREDENTIAL_SECRET": "s", "OS_APPLICATION_CREDENTIAL_ID": "i"}, "v3applicationcredential"),
        ({"OS_AUTH_TYPE": "v3oidcpassword"}, "v3oidcpassword"),
    ],
)
def test_the_kind_of_login(places: Path, given: dict[str, str], kind: str) -> None:
    assert config.load({}, {"OS_AUTH_URL": "http://a/v3", **given}).auth_type == kind


def test_overrides_and_versions(places: Path) -> None:
    write(places / "here/clouds.yaml", {"clouds": {"c": cloud(compute_endpoint_override="http://c", verify=False)}})
    made = config.load({"cloud": "c", "compute_api_version": "2.79"}, {"OS_IMAGE_ENDPOINT_OVERRIDE": "http://i"})
    assert made.overrides == {"compute": "http://c", "image": "http://i"}
    assert made.versions == {"compute": "2.79"}
    assert made.verify is False


def test_what_is_missing_is_said(places: Path) -> None:
    with pytest.raises(Usage, match="No cloud is configured"):
        config.load({}, {})
    write(places / "here/clouds.yaml", {"clouds": {"c": cloud(), "d": cloud()}})
    with pytest.raises(Usage, match="no cloud 'e'") as told:
        config.load({"cloud": "e"}, {})
    assert "c, d" in told.value.hint
    (places / "here/clouds.yaml").write_text("clouds: [")
    with pytest.raises(Usage, match="can't be read"):
        config.load({"cloud": "c"}, {})


def test_a_file_with_one_cloud_needs_no_name(places: Path) -> None:
    write(places / "here/clouds.yaml", {"clouds": {"only": cloud()}})
    assert config.load({}, {}).name == "only"
