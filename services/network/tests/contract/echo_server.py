"""Greets every client and sends back what it receives. Usage: echo_server.py PORT GREETING"""

import socket
import sys
import threading


def talk(connection: socket.socket) -> None:
    with connection:
        connection.sendall(sys.argv[2].encode() + b"\n")
        while data := connection.recv(4096):
            connection.sendall(data)


with socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True) as server:
    while True:
        threading.Thread(target=talk, args=(server.accept()[0],), daemon=True).start()
