"""Errors, warnings and notes as values, their catalogue, and how they are drawn."""
