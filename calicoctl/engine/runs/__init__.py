"""Runs of scripts: all changes of a run are made, or none, also on a datastore that makes them one by one."""
