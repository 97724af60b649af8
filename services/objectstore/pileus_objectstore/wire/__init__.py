"""What proxies, storage servers and duties say to each other: `contract` the words, the rest the wire (HTTP/1.1,
kept alive)."""
