"""The datastore interface, the keys, and an adapter for each kind of datastore."""
