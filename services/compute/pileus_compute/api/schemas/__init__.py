"""JSON schemas of request bodies and queries, in the terms of OpenStack's API reference."""
