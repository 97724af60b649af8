"""Storage drivers, one module or folder for each kind of storage."""
