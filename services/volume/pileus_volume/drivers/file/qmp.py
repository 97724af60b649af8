"""QEMU's monitor protocol: JSON lines on a unix socket (qemu docs/interop/qmp-spec.txt)."""

import json
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pileus_volume.errors import ToolFailed

PATIENCE_S = 30.0


class MonitorError(ToolFailed):
    """QEMU refused a command; `kind` is its error class."""

    def __init__(self, command: str, kind: str, why: str) -> None:
        self.kind = kind
        super().__init__(tool=f"qemu-storage-daemon: {command}", why=why)


class Monitor:
    """One connection to a monitor. Raises OSError if no process listens at the socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE_S)
        try:
            self._socket.connect(str(path))
            self._lines = self._socket.makefile("r", encoding="utf-8")
            self._read()
            self.run("qmp_capabilities")
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()
        self._socket.close()

    def run(self, command: str, **arguments: Any) -> Any:
        """Run a command and return its result; events that arrive meanwhile are ignored."""
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        self._socket.sendall(json.dumps({"execute": command, "arguments": named}).encode() + b"\n")
        while True:
            answer = self._read()
            if "error" in answer:
                raise MonitorError(command, answer["error"]["class"], answer["error"]["desc"])
            if "return" in answer:
                return answer["return"]

    def _read(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise ConnectionError("the monitor closed the connection")
        message: dict[str, Any] = json.loads(line)
        return message
