"""How proxies, storage servers and daemons talk: `contract` defines the messages, the rest carries them (HTTP/1.1)."""
