"""The storage server: one process for all devices of a host."""
