"""How rows are shown to clients."""
