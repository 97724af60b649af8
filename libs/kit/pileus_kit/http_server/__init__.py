"""The HTTP server of an API process: a connection costs a thread only while a whole request is answered, and no client
can hold a connection, a thread or memory without bound (docs/decisions/0015)."""
