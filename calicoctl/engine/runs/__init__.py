"""Runs: many changes made as one, on a datastore that takes them one by one."""
