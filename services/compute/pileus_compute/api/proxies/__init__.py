"""Calls that compute answered before microversion 2.36 and now passes on to the services that own the data."""
