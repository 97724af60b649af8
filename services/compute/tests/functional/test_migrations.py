"""The migrations build what the models say, and a database of an older version keeps its rows."""

from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import select, text

from pileus_compute.db.models import DeletedServer, Host, Migration, Model, Server, ServerPort, ServerVolume
from pileus_kit.db import Sessions, migrate
from pileus_kit.testing import assert_migrations_match

OLD_SERVER = {
    "project_id": "p", "user_id": "u", "name": "web", "hostname": "web", "reservation_id": "r-1", "launch_index": 0,
    "status": "ACTIVE", "power_state": 1, "progress": 0, "flavor_id": "1", "flavor": "{}", "vcpus": 1, "memory_mib": 64,
    "image": "{}", "config_drive": 0, "disk_config": "MANUAL", "security_groups": "[]", "metadata": "{}",
    "wanted_zone": "east", "created_at": "2026-01-02 03:04:05", "updated_at": "2026-01-02 03:04:05",
}  # fmt: skip
LIVING = OLD_SERVER | {
    "id": "s1", "doomed": 1, "before": '{"running": true}', "key_public": "ssh-rsa A", "password_blob": "secret",
    "wanted_host": "host1", "hints": '{"group": "g"}', "device_addresses": "{}",
}  # fmt: skip
PORT = {
    "id": "p1", "server_id": "s1", "position": 0, "network_id": "n1", "network_name": "net", "mac": "fa:16:3e:00:00:01",
    "mtu": 1500, "fixed_ips": "[]", "addresses": "", "floating_ips": "{}", "ours": 0,
}  # fmt: skip
VOLUME = {
    "id": "v1", "server_id": "s1", "position": 0, "delete_on_termination": 0, "source": "volume",
    "connection": '{"driver": "local"}',
}  # fmt: skip
HOST = {
    "name": "host1", "id": "h1", "number": 1, "service_id": "h2", "hypervisor": "QEMU", "vcpus": 4, "memory_mib": 4096,
    "disk_gib": 10, "vcpus_used": 0, "memory_mib_used": 0, "disk_gib_used": 0, "facts": '{"host_ip": "192.0.2.1"}',
    "disabled": 0, "forced_down": 0, "seen_at": "2026-01-02 03:04:05", "started_at": "2026-01-02 03:04:05",
    "created_at": "2026-01-02 03:04:05",
}  # fmt: skip

RESIZE = {
    "id": "j1", "flow": "server.resize", "subject": "s1", "state": "done", "step": "mark_resized",
    "data": '{"host": "host1"}', "lease_until": 0, "run_at": 0, "tries": 0, "attempt": 1, "cancelled": 0,
    "request_id": "req-1", "user_id": "u", "project_id": "p", "created_at": "2026-01-02 03:04:05",
    "updated_at": "2026-01-02 03:04:05",
}  # fmt: skip


def test_migrations_build_what_the_models_say(tmp_path: Path) -> None:
    assert_migrations_match(Model, "pileus_compute", tmp_path)


def test_rows_are_kept_when_columns_get_new_names(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    sessions = Sessions(url)
    settings = Config()
    settings.set_main_option("script_location", "pileus_kit:migrations")
    settings.set_main_option("version_locations", str(files("pileus_compute.db.migrations") / "versions"))
    settings.set_main_option("path_separator", "newline")
    gone = OLD_SERVER | {"id": "s2", "status": "DELETED", "deleted_at": "2026-01-02 03:04:05"}
    with sessions.engine.connect() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0006")
        for table, row in (
            ("servers", LIVING),
            ("past_servers", gone),
            ("server_ports", PORT),
            ("server_volumes", VOLUME),
            ("hosts", HOST),
            ("jobs", RESIZE),
            ("jobs", RESIZE | {"id": "j2", "flow": "server.reboot"}),
        ):
            columns = ", ".join(f'"{name}"' for name in row)
            values = ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), row)
        connection.commit()
    migrate(url, "pileus_compute")
    with sessions.read() as session:
        server = session.scalars(select(Server)).one()
        assert server.deleting and server.saved_state == {"running": True} and server.public_key == "ssh-rsa A"
        assert server.requested_zone == "east" and server.requested_host == "host1"
        assert server.scheduler_hints == {"group": "g"} and server.encrypted_password == "secret"
        assert session.scalars(select(DeletedServer)).one().requested_zone == "east"
        assert session.scalars(select(ServerPort)).one().delete_on_termination is False
        assert session.scalars(select(ServerVolume)).one().connection_info == {"driver": "local"}
        assert session.scalars(select(Host)).one().inventory == {"host_ip": "192.0.2.1"}
        resize = session.scalars(select(Migration)).one()
        assert (resize.uuid, resize.server_id, resize.type, resize.status) == ("j1", "s1", "resize", "finished")
        assert (resize.source_host, resize.dest_host, resize.user_id) == ("host1", "host1", "u")
    sessions.dispose()
