"""Where a name's replicas belong: `rings` reads the map, `builder` draws it."""
