"""Names of profiles, tags and variables: what the language and the agent take, and what a datastore can hold."""

from __future__ import annotations

from enum import Enum

from calicoctl.language.limits import NAME_LENGTH, VARIABLE_LENGTH
from calicoctl.patterns import pattern

_NAME = pattern(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")
# The agent's tags: no bound on the length, and a `-` may begin one.
_AGENT_TAG = pattern(r"[A-Za-z0-9_.-]+")
_SURROGATE = pattern("[\ud800-\udfff]")

# The name of a variable and a reference to one, as parts of regular expressions.
VARIABLE = "[A-Za-z_][A-Za-z0-9_]*"
REFERENCE = rf"\$\{{{VARIABLE}\}}"
_VARIABLE = pattern(VARIABLE)

# etcd hides what begins so.
HIDDEN = "_"


class NameMistake(Enum):
    """Why nothing new may be called so."""

    NEGATED = "a `!` before a tag"
    SEVERAL = "a list of tags"
    CHARACTERS = "a character that no name has, or none at all"
    TOO_LONG = "more characters than a name may have"
    DOTS = "`.` or `..`, which etcd resolves"
    HIDDEN = "a name of a profile that etcd hides"


def tag_mistake(name: str) -> NameMistake | None:
    """Why a tag cannot be written so; None when it can."""
    if name.startswith("!"):
        return NameMistake.NEGATED
    if "," in name and all(map(_NAME.fullmatch, name.split(","))):
        return NameMistake.SEVERAL
    return _mistake(name)


def profile_mistake(name: str) -> NameMistake | None:
    """Why no new profile can be called so; None when one can."""
    mistake = _mistake(name)
    if mistake is None and name in (".", ".."):
        return NameMistake.DOTS
    return NameMistake.HIDDEN if mistake is None and name.startswith(HIDDEN) else mistake


def _mistake(name: str) -> NameMistake | None:
    if not _NAME.fullmatch(name):
        return NameMistake.CHARACTERS
    return NameMistake.TOO_LONG if len(name) > NAME_LENGTH else None


def is_tag(name: str) -> bool:
    """Whether a tag can be written so."""
    return tag_mistake(name) is None


def is_new_profile(name: str) -> bool:
    """Whether a new profile can be called so."""
    return profile_mistake(name) is None


def is_agent_tag(name: str) -> bool:
    """Whether the agent takes a tag so; a single other one voids the whole list of a profile."""
    return _AGENT_TAG.fullmatch(name) is not None


def is_variable(name: str) -> bool:
    """Whether a variable of a script can be called so."""
    return len(name) <= VARIABLE_LENGTH and _VARIABLE.fullmatch(name) is not None


# --- what other tools can have stored -----------------------------------------------------------


def is_storable(name: str) -> bool:
    """Whether a datastore could hold the name: no NUL, and nothing that is not UTF-8."""
    return "\0" not in name and is_utf8(name)


def is_utf8(text: str) -> bool:
    """Whether a text is UTF-8: a byte that is not is read as a lone surrogate."""
    return text.isascii() or _SURROGATE.search(text) is None


def is_key_piece(name: str) -> bool:
    """Whether a name makes exactly one piece of a key.

    A slash would lead into another folder; an empty piece, `.` and `..` are resolved by the server.
    """
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name
