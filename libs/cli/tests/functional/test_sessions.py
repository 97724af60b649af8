"""Logins, caches, refusals, exit codes, options of every command."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest


def cached(home: Path) -> list[Path]:
    return [file for file in (home / "cache" / "pileus" / "command").glob("*.json") if len(file.stem) == 24]


def logins(cloud: Any) -> int:
    return sum(call == "POST /v3/auth/tokens" for call in cloud.calls())


def test_a_token_is_got_once(pileus: Any, cloud: Any, home: Path) -> None:
    before = logins(cloud)
    for _ in range(3):
        pileus.ok("flavor list")
    assert logins(cloud) == before + 1
    (file,) = cached(home)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_versions_are_asked_once(pileus: Any, cloud: Any) -> None:
    pileus.ok("flavor list")
    before = len(cloud.calls())
    pileus.ok("flavor list")
    assert len(cloud.calls()) == before + 1


def test_a_revoked_token_is_replaced(pileus: Any, cloud: Any, home: Path) -> None:
    pileus.ok("flavor list")
    (file,) = cached(home)
    known = json.loads(file.read_text())
    file.write_text(json.dumps({**known, "token": "gAAAAAnothing"}))
    assert pileus.json("flavor list")
    assert json.loads(file.read_text())["token"] != "gAAAAAnothing"


def test_a_token_about_to_end_is_not_used(pileus: Any, cloud: Any, home: Path) -> None:
    pileus.ok("flavor list")
    (file,) = cached(home)
    known = json.loads(file.read_text())
    file.write_text(json.dumps({**known, "expires_at": time.time() + 5}))
    before = logins(cloud)
    pileus.ok("flavor list")
    assert logins(cloud) == before + 1


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_cache_that_others_can_read_is_refused(pileus: Any, home: Path, mode: int) -> None:
    pileus.ok("flavor list")
    (file,) = cached(home)
    file.chmod(mode)
    done = pileus("flavor list")
    assert done.code == 1 and f"chmod 600 {file}" in done.err


def test_a_directory_that_others_can_read_is_refused(pileus: Any, home: Path) -> None:
    pileus.ok("flavor list")
    (file,) = cached(home)
    file.parent.chmod(0o755)
    done = pileus("flavor list")
    assert done.code == 1 and f"chmod 700 {file.parent}" in done.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_cache_of_somebody_else_is_refused(pileus: Any, home: Path) -> None:
    pileus.ok("flavor list")
    (file,) = cached(home)
    os.chown(file, 12345, -1)
    assert "made by others" in pileus("flavor list").err


def test_each_login_has_a_cache_of_its_own(pileus: Any, home: Path) -> None:
    pileus.ok("flavor list", "demo")
    pileus.ok("flavor list", "admin")
    pileus.ok("user list", "system")
    assert len(cached(home)) == 3


def test_variables_and_options_instead_of_a_file(pileus: Any, cloud: Any, monkeypatch: Any, capsys: Any) -> None:
    from pileus_cli import shell

    monkeypatch.delenv("OS_CLIENT_CONFIG_FILE")
    for name, value in (
        ("AUTH_URL", f"{cloud.sockets['identity'].url}/v3"),
        ("USERNAME", "demo"),
        ("PASSWORD", "wrong"),
        ("USER_DOMAIN_NAME", "Default"),
        ("PROJECT_NAME", "demo"),
        ("PROJECT_DOMAIN_NAME", "Default"),
    ):
        monkeypatch.setenv(f"OS_{name}", value)
    assert shell.main(["flavor", "list"]) == 4
    assert "Login refused" in capsys.readouterr().err
    assert shell.main(["flavor", "list", "--os-password", "demo"]) == 0
    token = pileus_token(capsys, shell)
    for name in ("USERNAME", "PASSWORD", "USER_DOMAIN_NAME"):
        monkeypatch.delenv(f"OS_{name}")
    assert shell.main(["--os-auth-type", "v3token", "--os-token", token, "flavor", "list"]) == 0


def pileus_token(capsys: Any, shell: Any) -> str:
    capsys.readouterr()
    assert shell.main(["--os-password=demo", "token", "issue", "-f", "value", "-c", "id"]) == 0
    return str(capsys.readouterr().out.strip())


def test_an_application_credential(pileus: Any, cloud: Any, monkeypatch: Any) -> None:
    made = pileus.json("application credential create robot --secret s3cret")
    monkeypatch.delenv("OS_CLIENT_CONFIG_FILE")
    from pileus_cli import shell

    monkeypatch.setenv("OS_AUTH_URL", f"{cloud.sockets['identity'].url}/v3")
    monkeypatch.setenv("OS_AUTH_TYPE", "v3applicationcredential")
    monkeypatch.setenv("OS_APPLICATION_CREDENTIAL_ID", made["id"])
    monkeypatch.setenv("OS_APPLICATION_CREDENTIAL_SECRET", "s3cret")
    assert shell.main(["flavor", "list"]) == 0


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("flavor show nothing-like-it", 3, "There is no flavor"),
        ("flavor shw m1.nano", 2, "Did you mean show?"),
        ("flavour list", 2, "Did you mean flavor?"),
        ("flavor list --min-rma 1", 2, "Did you mean --min-ram"),
        ("flavor show m1.nanoo", 3, "Did you mean m1.nano?"),
        ("flavor list -c Nmae", 2, "Columns:"),
        ("network create n --dry-run", 2, "can't be tried"),
        ("user list", 1, "role"),
    ],
)
def test_exit_codes_and_hints(pileus: Any, line: str, code: int, says: str) -> None:
    done = pileus(line)
    assert (done.code, says in done.err) == (code, True), done


def test_a_cloud_that_is_not_there(pileus: Any) -> None:
    done = pileus("flavor list --os-auth-url http://127.0.0.1:9/v3")
    assert done.code == 5 and "can't be reached" in done.err
    assert pileus("flavor list", "nobody").code == 2


def test_beginnings_of_names_and_ids(world: None, pileus: Any) -> None:
    one = pileus.json("flavor create twin-a --ram 64", "admin")
    pileus.ok("flavor create twin-b --ram 64", "admin")
    assert pileus.json("flavor show twin-a")["id"] == one["id"]
    assert pileus.json(f"flavor show {one['id'][:13]}")["name"] == "twin-a"
    done = pileus("flavor show twin")
    assert done.code == 2 and "twin-a" in done.err and "twin-b" in done.err
    assert pileus("flavor delete twin-a no-such-flavor", "admin").code == 3
    assert pileus.json("flavor show twin-a"), "nothing is deleted if one of the names is wrong"
    pileus.ok("flavor delete twin-a twin-b", "admin")


def test_sort_filter_limit_and_columns(world: None, pileus: Any) -> None:
    names = [row["Name"] for row in pileus.json("flavor list --sort-column RAM:desc")]
    assert names[-1] == "m1.nano"
    assert [row["Name"] for row in pileus.json("flavor list --filter Name=m1.n*")] == ["m1.nano"]
    assert len(pileus.json("flavor list --limit 1")) == 1
    assert pileus.ok("flavor list --filter Name=m1.nano -c RAM -c Name -f value").out == "128 m1.nano\n"


def test_curl_does_what_it_shows(world: None, pileus: Any, cloud: Any) -> None:
    shown = pileus.ok("network create curled --as-curl").out
    assert not pileus.json("network list --name curled")
    token = pileus.ok("token issue -f value -c id").out.strip()
    subprocess.run(
        shown, shell=True, check=True, capture_output=True, env={"PATH": os.environ["PATH"], "OS_TOKEN": token}
    )
    assert pileus.json("network list --name curled")
    assert token not in shown
    assert pileus.ok("network list --as-curl").out.startswith("curl ")
    pileus.ok("network delete curled")


def test_debug_shows_no_secrets(world: None, pileus: Any) -> None:
    done = pileus.ok("user create debugged --password top-secret-word --debug", "admin")
    assert "POST" in done.err and "top-secret-word" not in done.err + done.out
    token = pileus.ok("token issue -f value -c id", "admin").out.strip()
    assert token not in pileus.ok("user list --debug", "admin").err
    pileus.ok("user delete debugged", "admin")


def test_no_wait_and_timeout(world: None, pileus: Any, cloud: Any) -> None:
    line = "server create {} --image pileus-test --flavor m1.nano --network private"
    cloud.compute.host.down = True
    try:
        assert pileus.json(f"--no-wait {line.format('later')}")["status"] == "BUILD"
        done = pileus(f"--timeout 0.5 {line.format('slow')}")
        assert done.code == 5 and "--timeout waits longer" in done.err
    finally:
        cloud.compute.host.down = False
    pileus.ok("server delete later slow")


def test_ctrl_c_says_what_goes_on(world: None, pileus: Any, cloud: Any, home: Path) -> None:
    import signal

    cloud.compute.host.down = True
    try:
        child = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "pileus_cli",
                *shlex.split("server create held --image pileus-test --flavor m1.nano --network private"),
            ],
            env={**os.environ, "OS_CLOUD": "demo"},
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # as from a terminal
        deadline = time.monotonic() + 60
        while not any(row["Name"] == "held" for row in pileus.json("server list")):
            assert time.monotonic() < deadline
        calls = cloud.sockets["compute"].calls
        polled = len(calls)
        while not any("/servers/" in call for call in calls[polled:]):  # it waits
            assert time.monotonic() < deadline
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=60)
    finally:
        cloud.compute.host.down = False
    assert child.returncode == 130 and "goes on in the cloud" in said, said
    pileus.ok("server delete held")


def test_downloads_go_on_where_they_stopped(world: None, pileus: Any, cloud: Any, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    (tmp_path / "data").write_bytes(data)
    pileus.ok("container create part-box")
    pileus.ok("object create part-box data --name thing")
    pileus.ok("image create part-image --disk-format raw --file data")
    for words in ("object save part-box thing --file back", "image save part-image --file back"):
        cut_off(words)
        (part,) = tmp_path.glob("back.*.part")
        assert part.read_bytes() == data[:102_400]
        pileus.ok(words)
        assert (tmp_path / "back").read_bytes() == data and not part.exists()


def test_progress_is_shown_on_a_terminal_and_nowhere_else(world: None, pileus: Any, tmp_path: Path) -> None:
    import pty

    (tmp_path / "data").write_bytes(os.urandom(3 << 20))
    pileus.ok("container create shown-box")
    for words in (
        "object create shown-box data --name {}",
        "object save shown-box {} --file back",
        "image create {} --disk-format raw --file data",
        "image save {} --file back",
    ):
        assert "MiB/s" not in pileus.ok(words.format("quiet")).err
        terminal, slave = pty.openpty()
        done = subprocess.run(
            [sys.executable, "-m", "pileus_cli", *words.format("loud").split()],
            stderr=slave,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "OS_CLOUD": "demo"},
        )
        os.close(slave)
        told = os.read(terminal, 100_000).decode()
        os.close(terminal)
        assert done.returncode == 0, told
        assert re.search(r" %, \d MiB, \d+ MiB/s", told), told
        assert told.endswith("\r\x1b[K"), "the line is cleared in the end"


def cut_off(words: str) -> None:
    """On a disk that is full after 100 KiB."""
    command = f"ulimit -f 100; exec {sys.executable} -m pileus_cli {words}"
    environment = {**os.environ, "OS_CLOUD": "demo"}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "error: File too large\n"), done


def test_what_was_begun_of_another_content_is_not_gone_on_with(world: None, pileus: Any, tmp_path: Path) -> None:
    pileus.ok("container create change-box")
    for _ in range(2):
        data = os.urandom(300_000)
        (tmp_path / "data").write_bytes(data)
        pileus.ok("object create change-box data --name thing")
        cut_off("object save change-box thing --file new")
    pileus.ok("object save change-box thing --file new")
    assert (tmp_path / "new").read_bytes() == data


def test_a_file_that_is_not_there(world: None, pileus: Any) -> None:
    done = pileus("keypair create nowhere --public-key no-such-file")
    assert (done.code, done.err) == (1, "error: no-such-file: No such file or directory\n")


def test_large_objects_go_up_in_parts_that_are_not_sent_twice(
    world: None, pileus: Any, cloud: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    from pileus_cli.nouns import objects

    monkeypatch.setattr(objects, "SEGMENT", 1 << 20)
    data = os.urandom((2 << 20) + 5)
    (tmp_path / "large").write_bytes(data)
    pileus.ok("container create large-box")
    for _ in range(2):
        pileus.ok("object create large-box large")
    puts = [call for call in cloud.calls() if call.startswith("PUT") and "large-box_segments/large/" in call]
    assert len(puts) == 3
    pileus.ok("object save large-box large --file again")
    assert (tmp_path / "again").read_bytes() == data


def test_completion_knows_nouns_verbs_options_and_names(world: None, pileus: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("OS_CLOUD", "demo")

    def offered(*words: str) -> list[str]:
        return str(pileus.ok("complete -- " + " ".join(shlex.quote(word) for word in words)).out).split()

    assert "server" in offered("ser")
    assert "create" in offered("server", "cr")
    assert "add" in offered("server", "ad")
    assert "first" in offered("server", "show", "")
    assert "m1.nano" in offered("server", "create", "x", "--flavor", "")
    assert "--flavor" in offered("server", "create", "--fl")
    assert "list" in offered("security", "group", "rule", "l")
    for shell in ("bash", "zsh", "fish"):
        assert "pileus complete" in pileus.ok(f"completion {shell}").out


def test_bash_completes(world: None, pileus: Any, home: Path) -> None:
    script = pileus.ok("completion bash").out
    bindir = Path(sys.executable).parent
    asked = f'{script}\nCOMP_WORDS=(pileus server sh); COMP_CWORD=2; _pileus; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(
        ["bash", "-c", asked],
        env={**os.environ, "PATH": f"{bindir}:{os.environ['PATH']}", "OS_CLOUD": "demo"},
        capture_output=True,
        text=True,
    )
    assert set(done.stdout.split()) >= {"show"}, done


def test_a_cloud_of_identity_and_image_only(small_cloud: Any, pileus: Any, home: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(small_cloud.configure(home)))
    assert pileus.ok("image list").err == ""
    assert pileus.ok("project list", "admin").err == ""
    done = pileus("server list")
    assert done.code == 1 and "offers no compute service" in done.err
    shown = pileus.ok("--help").out
    nouns = shown.partition("nouns:")[2]
    assert "image" in nouns and "project" in nouns
    assert not {"server", "compute", "volume", "network", "router", "container"} & set(nouns.replace(",", " ").split())
