"""One HTTP exchange on stdin and stdout, as QEMU's guestfwd starts it: the metadata that the guest is to find."""

import json
import sys
from pathlib import Path

request = sys.stdin.buffer.readline().split()
while sys.stdin.buffer.readline().strip():
    pass
tree = json.loads(Path(sys.argv[1]).read_text())
body = tree.get(request[1].decode() if len(request) > 1 else "")
head = "200 OK" if body is not None else "404 Not Found"
data = (body or "").encode()
sys.stdout.buffer.write(f"HTTP/1.1 {head}\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode() + data)
