"""Options: from a file, from the environment, with defaults and types."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from oslo_config.cfg import ConfigFileValueError, RequiredOptError

from pileus_kit.config import ServiceConfig, load, option


@dataclass(frozen=True, kw_only=True)
class Config(ServiceConfig):
    needed: str = option("An option without a default")
    flag: bool = option("A boolean", False)
    share: float = option("A number", 0.5)
    names: tuple[str, ...] = option("A list", ("a", "b"))
    key: str = option("A secret", "", secret=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.conf"
    path.write_text("[DEFAULT]\nneeded=here\nflag=true\nnames=c, d\nkey=hush\n")
    return path


@pytest.mark.parametrize("argument", ["--config", "--config-file"])
def test_a_file_sets_options(file: Path, argument: str) -> None:
    config = load(Config, [argument, str(file)])
    assert (config.needed, config.flag, config.share, config.names) == ("here", True, 0.5, ("c", "d"))


def test_the_environment_names_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILEUS_CONFIG", str(file))
    assert load(Config).needed == "here"


def test_the_environment_takes_precedence(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"NEEDED": "there", "FLAG": "off", "SHARE": "0.25", "NAMES": "e,,f "}.items():
        monkeypatch.setenv(f"PILEUS_{name}", value)
    config = load(Config, ["--config", str(file)])
    assert (config.needed, config.flag, config.share, config.names) == ("there", False, 0.25, ("e", "f"))


def test_an_option_without_a_default_has_to_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RequiredOptError, match="needed"):
        load(Config)
    monkeypatch.setenv("PILEUS_NEEDED", "there")
    assert load(Config).names == ("a", "b")


def test_a_value_of_another_type_is_refused(file: Path) -> None:
    file.write_text("[DEFAULT]\nneeded=x\nshare=much\n")
    with pytest.raises(ConfigFileValueError):
        load(Config, ["--config", str(file)])


def test_secrets_are_not_shown(file: Path) -> None:
    assert "hush" not in repr(load(Config, ["--config", str(file)]))


def test_paths_lie_below_the_state_directory(tmp_path: Path) -> None:
    config = Config(needed="", state=str(tmp_path))
    assert config.path("a", "b") == tmp_path / "a" / "b"
    assert (tmp_path / "a").is_dir()
    assert config.database_url("volume") == f"sqlite:///{tmp_path}/databases/volume.sqlite"
    assert Config(needed="", database="postgresql://x").database_url("volume") == "postgresql://x"
