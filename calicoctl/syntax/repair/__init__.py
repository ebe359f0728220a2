"""Corrections: the valid text that is nearest to an invalid one."""
