"""Tables of block storage."""
