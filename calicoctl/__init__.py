"""`calicoctl profile`: a language for Calico's policy profiles, its interpreter and its datastores.

What programs may use of it is in `calicoctl.api`, and can be had from here: `from calicoctl import parse_rule`.
"""

from __future__ import annotations

# That of `typing`, which completion does without.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from calicoctl.api import *  # noqa: F403


def __getattr__(name: str) -> object:
    """A name of `calicoctl.api`, imported when it is asked for: the command line does not pay for it."""
    if name.startswith("_") or name in _SUBMODULES:
        raise AttributeError(name)
    from calicoctl import api

    if name not in api.__all__:
        raise AttributeError(f"module 'calicoctl' has no attribute {name!r}")
    return getattr(api, name)


# Asked for by `from calicoctl import messages`, which then imports the module.
_SUBMODULES = frozenset(
    {
        *("analysis", "api", "cli", "diagnostics", "engine", "grammar", "language", "layout", "messages", "nearest"),
        *("policy", "records", "regular_files", "resources", "result_texts", "source", "store", "syntax", "version"),
    }
)
