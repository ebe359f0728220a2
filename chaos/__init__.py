"""The reliability proof: writers on a real etcd cluster with injected faults, and a check of the reported results.

Run it with `make chaos`. It is not part of the program.
"""
