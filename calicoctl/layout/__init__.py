"""The layout of profiles in a datastore: two documents each in the v1 data model, and one resource each in v3."""
