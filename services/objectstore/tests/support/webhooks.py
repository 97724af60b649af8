"""A webhook that is a target of event notifications, and buckets whose events go there."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from s3_clients import S3

from pileus_objectstore.worker import Worker

HOOK = "arn:aws:sqs:RegionOne:me:hook"


class Hook(ThreadingHTTPServer):
    """A webhook that remembers what it was told, and answers with `status`."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.status = 200
        self.location = ""
        super().__init__(("127.0.0.1", 0), _Answers)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/path?q=1"


class _Answers(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if 200 <= self.server.status < 300:
            self.server.told.append({"path": self.path, **json.loads(body)})
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def notify(s3: S3, bucket: str, *events: str, arn: str = HOOK, **more: Any) -> None:
    one = {
        "Id": "conf",
        "QueueArn": arn,
        "Events": list(events or ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]),
        **more,
    }
    configuration = {"QueueConfigurations": [one]}
    s3.client().put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration=configuration, SkipDestinationValidation=True
    )


def send(s3: S3, worker: Worker) -> None:
    """Deliver what waits: the notifier sends in the background."""
    s3.store.drain()
    worker.notifier.run()
    until(lambda: not worker.notifier._busy)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def told(hook: Hook) -> list[tuple[str, str]]:
    records = [record for message in hook.told for record in message["Records"]]
    return [(record["eventName"], record["s3"]["object"]["key"]) for record in records]
