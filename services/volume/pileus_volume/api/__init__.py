"""Block storage API v3: route, schema and view of each noun."""
