"""Conversion between the profiles of v1 and the resources of Calico's v3 data model."""
