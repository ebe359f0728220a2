"""The datastore that Calico's agents read: etcd, through its v2 API."""
