"""Names of v3 resources, and what becomes of the names of v1.

The scheme is that of Calico's own upgrade from v1 (libcalico-go, lib/upgrade/converters): a name that has to be
changed gets a piece of the original's SHA-1 at its end, so that different names stay different. Where nothing is left
of a name, upstream makes one that is not valid; here a word stands in its place.
"""

from __future__ import annotations

import re

from calicoctl.patterns import pattern

NAME_LENGTH_MAX = 253
LABEL_NAME_LENGTH_MAX = 63

_DNS_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_DNS_NAME = pattern(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*")
_POLICY_NAME = pattern(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})?")
_LABEL_NAME = pattern(r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")

_OTHER_CHARACTERS = pattern(r"[^-.a-z0-9]+")
_DOTTED_RUN = pattern(r"[.-]*\.[.-]*")
_HASH_LENGTH = 8
# What stands before the names of namespaces' profiles, in v1 and since.
_NAMESPACE_V1, _NAMESPACE = "k8s_ns.", "kns."

# Profiles that Kubernetes makes, and the one that is built in: shown, and never changed.
FOREIGN_PREFIXES = (_NAMESPACE, "ksa.")
BUILT_IN_PROFILE = "projectcalico-default-allow"


def is_foreign_profile(name: str) -> bool:
    """Whether a v3 profile is made by Kubernetes or built in, so that nobody else may write it."""
    return name == BUILT_IN_PROFILE or name.startswith(FOREIGN_PREFIXES)


def is_profile_name(name: str) -> bool:
    """Whether a v3 profile may be called so: 1 to 253 characters, DNS labels joined by dots."""
    return len(name) <= NAME_LENGTH_MAX and _DNS_NAME.fullmatch(name) is not None


def is_policy_name(name: str) -> bool:
    """Whether a GlobalNetworkPolicy may be called so: one DNS label, or two joined by a dot."""
    return len(name) <= NAME_LENGTH_MAX and _POLICY_NAME.fullmatch(name) is not None


def is_label_key(key: str) -> bool:
    """Whether a label may have this key: a name of at most 63 characters, perhaps with a domain before it."""
    prefix, slash, name = key.rpartition("/")
    if slash and (not _DNS_NAME.fullmatch(prefix) or len(prefix) > NAME_LENGTH_MAX):
        return False
    return len(name) <= LABEL_NAME_LENGTH_MAX and _LABEL_NAME.fullmatch(name) is not None


def is_label_value(value: str) -> bool:
    """Whether a label may have this value; it may be empty."""
    return value == "" or (len(value) <= LABEL_NAME_LENGTH_MAX and _LABEL_NAME.fullmatch(value) is not None)


def is_tag_label(key: str, value: object) -> bool:
    """Whether a label that a profile gives its endpoints is a tag of the language: one without a domain or a value."""
    return value == "" and "/" not in key


def v3_profile_name(name: str) -> str:
    """The name that a v1 profile gets in v3; the same if it is valid there."""
    if name.startswith(_NAMESPACE_V1):
        name = _NAMESPACE + name[len(_NAMESPACE_V1) :]
    return _with_hash(name, _normalised(name) or "profile")


def policy_name(name: str) -> str:
    """The name that a policy gets which is made of something called so: without dots, which separate tiers."""
    return _with_hash(name, _normalised(name).replace(".", "-") or "policy")


def label_key(tag: str) -> str:
    """The key of the label that stands for a tag; the same if it is valid as one.

    Upstream keeps tags as they are, also where v3 refuses the profile over them.
    """
    if is_label_key(tag):
        return tag
    return _with_hash(tag, _trimmed(tag, LABEL_NAME_LENGTH_MAX - _HASH_LENGTH - 1))


def nearest_profile_name(name: str) -> str:
    """What is nearest to a name, and a v3 profile may be called so."""
    return _normalised(name)[:NAME_LENGTH_MAX].rstrip(".-") or "profile"


def nearest_label_key(tag: str) -> str:
    """What is nearest to a tag, and a label may have as its key."""
    return _trimmed(tag, LABEL_NAME_LENGTH_MAX)


def _trimmed(tag: str, most: int) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", tag).strip("._-")[:most].rstrip("._-") or "tag"


def _normalised(name: str) -> str:
    dotted = _OTHER_CHARACTERS.sub("-", name.lower().replace("/", "."))
    return _DOTTED_RUN.sub(".", dotted).strip(".-")


def _with_hash(name: str, normalised: str) -> str:
    if name == normalised:
        return name
    # Imported here: with OpenSSL behind it, it takes 3 ms.
    from hashlib import sha1

    digest = sha1(name.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()[:_HASH_LENGTH]
    return f"{normalised}-{digest}"
