"""QEMU's monitor protocol: JSON lines on a unix socket (qemu docs/interop/qmp-spec.txt)."""

import json
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pileus_volume.errors import ToolFailed

PATIENCE_S = 30.0


class MonitorError(ToolFailed):
    """A command was refused; `kind` is QEMU's error class."""

    def __init__(self, command: str, kind: str, why: str) -> None:
        self.kind = kind
        super().__init__(tool=f"qemu-storage-daemon: {command}", why=why)


class Monitor:
    """One conversation. Raises OSError when nobody listens at the socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE_S)
        try:
            self._socket.connect(str(path))
            self._lines = self._socket.makefile("r", encoding="utf-8")
            self._answer()
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
        """The command's result; events that come between are not for us."""
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        self._socket.sendall(json.dumps({"execute": command, "arguments": named}).encode() + b"\n")
        while True:
            said = self._answer()
            if "error" in said:
                raise MonitorError(command, said["error"]["class"], said["error"]["desc"])
            if "return" in said:
                return said["return"]

    def _answer(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise ConnectionError("the monitor hung up")
        said: dict[str, Any] = json.loads(line)
        return said
