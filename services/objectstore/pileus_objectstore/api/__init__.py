"""The proxy: what clients see. A WSGI application of its own, because every millisecond of it is paid for every
object."""
