"""Volumes as qcow2 files in one directory; thin, with snapshots inside the file; served over NBD elsewhere."""
