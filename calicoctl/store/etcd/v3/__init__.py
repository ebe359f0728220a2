"""etcd's v3 API, through its JSON gateway: the datastore of Calico v3."""
