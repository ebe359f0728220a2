"""etcd's v2 API, through python-etcd: the datastore of Calico v1."""
