"""Where volumes really are, one module or folder for each kind of storage."""
