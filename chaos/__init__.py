"""The reliability proof: writers on a real etcd cluster that is being broken, and a check of what they were told.

Run it with `make chaos`. It is no part of the program.
"""
