"""Names of v3 resources, and the conversion of v1 names.

The scheme is that of Calico's own upgrade from v1 (libcalico-go, lib/upgrade/converters): a name that must be changed
gets a part of the original name's SHA-1 as suffix, so that different names stay different. If a name has no valid
characters, upstream produces an invalid name; here it is replaced by a fixed word.
"""

from __future__ import annotations

import re

from calicoctl.lazy_patterns import pattern

NAME_LENGTH_MAX = 253
LABEL_NAME_LENGTH_MAX = 63

_DNS_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_DNS_NAME = pattern(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*")
_POLICY_NAME = pattern(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})?")
_LABEL_NAME = pattern(r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")

_OTHER_CHARACTERS = pattern(r"[^-.a-z0-9]+")
_DOTTED_RUN = pattern(r"[.-]*\.[.-]*")
_HASH_LENGTH = 8
# The prefix of the profiles of namespaces, in v1 and in v3.
_NAMESPACE_V1, _NAMESPACE = "k8s_ns.", "kns."

# Profiles created by Kubernetes, and the built-in profile: they are shown, but never changed.
FOREIGN_PREFIXES = (_NAMESPACE, "ksa.")
BUILT_IN_PROFILE = "projectcalico-default-allow"


def is_foreign_profile(name: str) -> bool:
    """Whether a v3 profile is created by Kubernetes or built in, and therefore read-only."""
    return name == BUILT_IN_PROFILE or name.startswith(FOREIGN_PREFIXES)


def is_profile_name(name: str) -> bool:
    """Whether a name is valid for a v3 profile: 1 to 253 characters, DNS labels joined by dots."""
    return len(name) <= NAME_LENGTH_MAX and _DNS_NAME.fullmatch(name) is not None


def is_policy_name(name: str) -> bool:
    """Whether a name is valid for a GlobalNetworkPolicy: one DNS label, or two joined by a dot."""
    return len(name) <= NAME_LENGTH_MAX and _POLICY_NAME.fullmatch(name) is not None


def is_label_key(key: str) -> bool:
    """Whether a key is valid for a label: a name of at most 63 characters, optionally after a domain and a slash."""
    prefix, slash, name = key.rpartition("/")
    if slash and (not _DNS_NAME.fullmatch(prefix) or len(prefix) > NAME_LENGTH_MAX):
        return False
    return len(name) <= LABEL_NAME_LENGTH_MAX and _LABEL_NAME.fullmatch(name) is not None


def is_label_value(value: str) -> bool:
    """Whether a value is valid for a label; it may be empty."""
    return value == "" or (len(value) <= LABEL_NAME_LENGTH_MAX and _LABEL_NAME.fullmatch(value) is not None)


def is_tag_label(key: str, value: object) -> bool:
    """Whether a label that a profile applies to its endpoints is a tag: it has neither a domain nor a value."""
    return value == "" and "/" not in key


def v3_profile_name(name: str) -> str:
    """The v3 name of a v1 profile; the same if it is valid in v3."""
    if name.startswith(_NAMESPACE_V1):
        name = _NAMESPACE + name[len(_NAMESPACE_V1) :]
    return _with_hash(name, _normalised(name) or "profile")


def policy_name(name: str) -> str:
    """The name of a policy that is created from an object with this name: without dots, which separate tiers."""
    return _with_hash(name, _normalised(name).replace(".", "-") or "policy")


def label_key(tag: str) -> str:
    """The key of the label that represents a tag; the same if it is a valid key.

    Upstream does not change tags, even if v3 then rejects the profile.
    """
    if is_label_key(tag):
        return tag
    return _with_hash(tag, _trimmed(tag, LABEL_NAME_LENGTH_MAX - _HASH_LENGTH - 1))


def nearest_profile_name(name: str) -> str:
    """The valid v3 profile name that is most similar to a name."""
    return _normalised(name)[:NAME_LENGTH_MAX].rstrip(".-") or "profile"


def nearest_label_key(tag: str) -> str:
    """The valid label key that is most similar to a tag."""
    return _trimmed(tag, LABEL_NAME_LENGTH_MAX)


def _trimmed(tag: str, max_length: int) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", tag).strip("._-")[:max_length].rstrip("._-") or "tag"


def _normalised(name: str) -> str:
    dotted = _OTHER_CHARACTERS.sub("-", name.lower().replace("/", "."))
    return _DOTTED_RUN.sub(".", dotted).strip(".-")


def _with_hash(name: str, normalised: str) -> str:
    if name == normalised:
        return name
    # Imported here: the import loads OpenSSL and takes 3 ms.
    from hashlib import sha1

    digest = sha1(name.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()[:_HASH_LENGTH]
    return f"{normalised}-{digest}"
