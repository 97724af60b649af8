"""The storage server: one process per host, which alone uses the host's devices."""
