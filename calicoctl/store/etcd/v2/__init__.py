"""etcd's v2 API, through python-etcd: the data of Calico v1."""
