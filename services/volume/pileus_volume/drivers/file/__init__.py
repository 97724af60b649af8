"""The file driver: volumes are thin qcow2 files with their snapshots inside, and other hosts reach them over NBD."""
