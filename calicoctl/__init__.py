"""`calicoctl profile`: a language for Calico's policy profiles, its interpreter and its datastores."""
