"""The agent of a storage host: it implements the contract in rpc.py with a driver."""
