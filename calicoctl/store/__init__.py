"""Datastores: the interface, the keys, and one adapter for each kind of datastore."""
