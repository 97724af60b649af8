"""Main functions: how an API, a worker or an agent runs until it is stopped."""

import gc
import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pileus_kit import config as configs
from pileus_kit import file_modes, listeners, logs
from pileus_kit.config import ServiceConfig
from pileus_kit.liveness import awake_clock

C = TypeVar("C", bound=ServiceConfig)


def load_config(kind: type[C], argv: Sequence[str], process: str) -> C:
    """Read the configuration and set up logging by it. From then on the process creates files for its own user only."""
    file_modes.use_private_umask()
    config = configs.load(kind, argv)
    logs.setup(process, config.log_level, config.audit_log)
    return config


def serve_api(build: Callable[[C], Any], config: C, process: str) -> None:
    """Serve the WSGI application `build(config)` until SIGTERM, in one process that may become several under load.

    The application is built after gunicorn's fork, which neither threads nor database connections survive.
    """
    from gunicorn.app.base import BaseApplication

    from pileus_kit.gunicorn_workers import IdleArbiter, IdleWorker
    from pileus_kit.http_server.limits import Limits

    class Api(BaseApplication):
        def load_config(self) -> None:
            for key, value in gunicorn_settings(config, process).items():
                if key in self.cfg.settings:
                    self.cfg.set(key, value)
            if given is not None:
                self.cfg.set("bind", f"fd://{given}")

        def load(self) -> Any:
            return build(config)

        def run(self) -> None:
            IdleArbiter(self).run()

    given = listeners.inherited()
    awake_clock.begin()
    IdleWorker.limits = Limits.of(config)
    gc.collect()
    gc.freeze()  # the arbiter and its worker share what is imported so far
    Api().run()


def gunicorn_settings(config: ServiceConfig, process: str) -> dict[str, object]:
    """Return gunicorn's settings for an API."""
    return {
        "bind": config.bind,
        "worker_class": "pileus_kit.gunicorn_workers.IdleWorker",
        "workers": 1,
        "threads": config.threads,
        "keepalive": 75,
        "user": os.geteuid(),
        "group": os.getegid(),  # gunicorn's default is that of the process that imported it, which was root's
        "backlog": 2048,
        "timeout": 120,
        "graceful_timeout": 10,
        "proc_name": process,
        "accesslog": None,
        "loglevel": "warning",
        "preload_app": False,
        "worker_tmp_dir": "/dev/shm",  # noqa: S108 -- in memory; only the times of a file are written
        "limit_request_line": 8190,
        "permit_unconventional_http_method": config.any_method,
        "limit_request_fields": 100,
        "header_map": "dangerous",  # the responder takes names with underscores out before they could be mistaken
        "max_requests": 0,
        "control_socket_disable": True,
    }


def run_until_signal(start: Callable[[], object], stop: Callable[[], object]) -> None:
    """Call `start`, wait for SIGTERM or SIGINT, then call `stop`."""
    awake_clock.begin()
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    start()
    listeners.announce_ready()
    over.wait()
    stop()
