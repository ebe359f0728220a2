"""etcd as a datastore, through its v2 or its v3 API."""
