"""etcd's v3 API, through its JSON gateway: the data of today's Calico."""
