"""Calico's v3 data model: names, selectors and validation of resources, and conversion of rules."""
