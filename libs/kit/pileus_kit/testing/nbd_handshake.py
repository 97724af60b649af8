"""A client of NBD that may do what QEMU's doesn't: show an expired certificate, or one of another authority
(https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md, fixed newstyle negotiation)."""

import socket
import ssl
import struct
from pathlib import Path

OPTION_MAGIC, REPLY_MAGIC = b"IHAVEOPT", 0x3E889045565A9
LIST, STARTTLS = 3, 5
ACK, SERVER = 1, 2
FIXED_NEWSTYLE = 1
TIMEOUT_S = 10


def list_exports(address: str, port: int, directory: Path | None) -> list[str]:
    """Return the names of the exports that the server tells to a client with this certificate.

    `directory` has client-cert.pem and client-key.pem; None: the client shows no certificate. The client believes any
    server. Raises OSError (ssl.SSLError, too) if it is refused.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if directory:
        context.load_cert_chain(directory / "client-cert.pem", directory / "client-key.pem")
    with socket.create_connection((address, port), timeout=TIMEOUT_S) as wire:
        _read(wire, 18)
        wire.sendall(struct.pack(">I", FIXED_NEWSTYLE))
        if _ask(wire, STARTTLS)[0] != ACK:
            raise ConnectionRefusedError("the server doesn't offer TLS")
        with context.wrap_socket(wire) as secured:
            return _list(secured)


def _list(wire: socket.socket) -> list[str]:
    kind, told = _ask(wire, LIST)
    names = []
    while kind == SERVER:
        (length,) = struct.unpack_from(">I", told)
        names.append(told[4 : 4 + length].decode())
        kind, told = _reply(wire)
    if kind != ACK:
        raise ConnectionRefusedError(told.decode(errors="replace") or f"reply {kind:#x}")
    return names


def _ask(wire: socket.socket, option: int) -> tuple[int, bytes]:
    wire.sendall(OPTION_MAGIC + struct.pack(">II", option, 0))
    return _reply(wire)


def _reply(wire: socket.socket) -> tuple[int, bytes]:
    magic, _, kind, length = struct.unpack(">QIII", _read(wire, 20))
    assert magic == REPLY_MAGIC
    return kind, _read(wire, length)


def _read(wire: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = wire.recv(size - len(found))
        if not piece:
            raise ConnectionResetError("the server closed the connection")
        found += piece
    return found
