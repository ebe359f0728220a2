"""How profiles lie in a datastore: v1 in two keys each, as the engine knows them, and v3 in one resource."""
