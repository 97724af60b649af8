"""The background daemons of every storage host: replicator, auditor and expirer."""
