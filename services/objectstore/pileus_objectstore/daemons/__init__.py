"""The background daemons of every storage host: `worker.py` lists them all."""
