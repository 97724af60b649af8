"""The process on a storage host: implements rpc.py with a driver."""
