"""Names of profiles, tags and variables: which ones the language and the agent accept, and which can be stored."""

from __future__ import annotations

from enum import Enum

from calicoctl.language.limits import NAME_LENGTH, VARIABLE_LENGTH
from calicoctl.lazy_patterns import pattern

_NAME = pattern(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")
# The agent's tags have no maximum length and may begin with `-`.
_AGENT_TAG = pattern(r"[A-Za-z0-9_.-]+")
_SURROGATE = pattern("[\ud800-\udfff]")

# Regular expressions for the name of a variable and for a reference to it.
VARIABLE_PATTERN = "[A-Za-z_][A-Za-z0-9_]*"
REFERENCE = rf"\$\{{{VARIABLE_PATTERN}\}}"
_VARIABLE = pattern(VARIABLE_PATTERN)

# The first character of the keys that etcd hides.
HIDDEN = "_"


class NameMistake(Enum):
    """Why a name is not valid for a new profile or tag."""

    NEGATED = "a `!` before a tag"
    SEVERAL = "a list of tags"
    CHARACTERS = "an invalid character, or an empty name"
    TOO_LONG = "longer than a name may be"
    DOTS = "`.` or `..`, which etcd resolves"
    HIDDEN = "the name of a profile that etcd hides"


def tag_mistake(name: str) -> NameMistake | None:
    """Why a name is not valid for a tag; None when it is."""
    if name.startswith("!"):
        return NameMistake.NEGATED
    if "," in name and all(map(_NAME.fullmatch, name.split(","))):
        return NameMistake.SEVERAL
    return _mistake(name)


def profile_mistake(name: str) -> NameMistake | None:
    """Why a name is not valid for a new profile; None when it is."""
    mistake = _mistake(name)
    if mistake is None and name in (".", ".."):
        return NameMistake.DOTS
    return NameMistake.HIDDEN if mistake is None and name.startswith(HIDDEN) else mistake


def _mistake(name: str) -> NameMistake | None:
    if not _NAME.fullmatch(name):
        return NameMistake.CHARACTERS
    return NameMistake.TOO_LONG if len(name) > NAME_LENGTH else None


def is_tag(name: str) -> bool:
    """Whether a name is valid for a tag."""
    return tag_mistake(name) is None


def is_new_profile(name: str) -> bool:
    """Whether a name is valid for a new profile."""
    return profile_mistake(name) is None


def is_agent_tag(name: str) -> bool:
    """Whether the agent accepts a tag; for a single invalid one, it ignores all tags of the profile."""
    return _AGENT_TAG.fullmatch(name) is not None


def is_variable(name: str) -> bool:
    """Whether a name is valid for a variable of a script."""
    return len(name) <= VARIABLE_LENGTH and _VARIABLE.fullmatch(name) is not None


# --- names that other tools may have stored -----------------------------------------------------


def is_storable(name: str) -> bool:
    """Whether a datastore can hold a name: it is UTF-8 without NUL."""
    return "\0" not in name and is_utf8(name)


def is_utf8(text: str) -> bool:
    """Whether a text can be encoded as UTF-8; invalid bytes were decoded to lone surrogates."""
    return text.isascii() or _SURROGATE.search(text) is None


def is_key_segment(name: str) -> bool:
    """Whether a name is exactly one segment of a key.

    A slash would lead into another folder; the server resolves an empty segment, `.` and `..`.
    """
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name
