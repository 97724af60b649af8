"""The edge of an API process: a connection costs no thread until its request is whole, and nobody waits for ever."""
