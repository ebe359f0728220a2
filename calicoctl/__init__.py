"""`calicoctl profile`: a language for Calico's policy profiles, its interpreter and its datastores.

The public Python interface is `calicoctl.api`; its names can be imported from here: `from calicoctl import parse_rule`.
"""

from __future__ import annotations

# Defined here, since importing `typing` would slow completion down.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from calicoctl.api import *  # noqa: F403


def __getattr__(name: str) -> object:
    """Import a name of `calicoctl.api` on first use, so that commands do not import that module."""
    if name.startswith("_") or name in _SUBMODULES:
        raise AttributeError(name)
    from calicoctl import api

    if name not in api.__all__:
        raise AttributeError(f"module 'calicoctl' has no attribute {name!r}")
    return getattr(api, name)


# `from calicoctl import source` looks for an attribute first, and imports the submodule if there is none.
_SUBMODULES = frozenset(
    {
        *("analysis", "annotations", "api", "cli", "common_ends", "diagnostics", "engine", "fast_dataclasses"),
        *("file_reading", "grammar", "language", "layout", "lazy_patterns", "nearest", "policy", "resources"),
        *("result_texts", "source", "store", "syntax", "version"),
    }
)
