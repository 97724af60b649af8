"""Block storage."""
