"""Long operations, as ordered steps that can be undone."""
