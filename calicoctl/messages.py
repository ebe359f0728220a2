"""Every message's wording, in one table: one `Kind` for each thing that can be said.

Codes are stable: `E01xx` syntax, `E02xx` values, `E03xx` rule JSON and stored documents, `E04xx` the
state of profiles, `E05xx` datastores, `E06xx` options and settings; `W…` are the warnings of the same
areas. The style: lower case, no full stop, the user's own text in backticks, advice in the hint.
"""

from __future__ import annotations

from calicoctl.diagnostics import Kind, Severity


def _error(code: str, template: str) -> Kind:
    return Kind(code, Severity.ERROR, template)


def _warning(code: str, template: str) -> Kind:
    return Kind(code, Severity.WARNING, template)


# --- E01xx: syntax -----------------------------------------------------------------------------

# --- E02xx: values -----------------------------------------------------------------------------

# --- E03xx: rule JSON and stored documents -----------------------------------------------------

# --- E04xx: the state of profiles --------------------------------------------------------------

# --- E05xx: datastores -------------------------------------------------------------------------

# --- E06xx: options and settings ---------------------------------------------------------------

