"""Selectors of v3, and the tags of v1 in them.

Tag T of v1 is the label `T: ""`. In a selector it is `has(T)`, to which the agent has converted tags since 2.6. The
form `T == ''`, which the upstream upgrade wrote, is also read as the tag (it differs only if an endpoint has a label T
with another value).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Lark

_IDENTIFIER = r"[A-Za-z0-9_./-]{1,512}"
# White space in Go; Python's `\s` includes more characters.
_SPACE = r"[\t\n\f\r ]*"
_TAG = re.compile(rf"[ \t]*(?:has\({_SPACE}({_IDENTIFIER}){_SPACE}\)|({_IDENTIFIER})[ \t]*==[ \t]*(?:''|\"\"))[ \t]*")
_TEXT_OR_IDENTIFIER = re.compile(rf"\"[^\"]*\"|'[^']*'|{_IDENTIFIER}")
# The label of a pod's namespace, in v1 and in v3. The upgrade replaces it as text, also in values.
_NAMESPACE_LABEL_V1, _NAMESPACE_LABEL = "calico/k8s_ns", "projectcalico.org/namespace"
# Limits against malicious selectors.
_LENGTH_MAX = 65536
_NESTING_MAX = 200


@cache
def v3_selector_grammar(strict: bool = False) -> Lark:
    """The compiled grammar.

    Args:
        strict: Make every conflict and every collision of terminals an error (needs the package interegular).
    """
    # Imported here: importing Lark takes longer than a conversion without selectors.
    from importlib import resources

    from lark import Lark

    text = resources.files("calicoctl.grammar").joinpath("resource_selector.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", start=["selector", "namespaces"], strict=strict)


@lru_cache(maxsize=4096)
def is_selector(text: str, *, of_namespaces: bool = False) -> bool:
    """Whether the agent can parse a selector. The empty text selects everything.

    Args:
        text: The selector.
        of_namespaces: Whether it selects namespaces, so that it may be `global()`.
    """
    # The selector of a tag is recognised without Lark, whose import takes longer than most commands.
    if not text.strip(" \t") or _TAG.fullmatch(text):
        return True
    if len(text) > _LENGTH_MAX or text.count("(") > _NESTING_MAX:
        return False
    from lark.exceptions import UnexpectedInput

    try:
        v3_selector_grammar().parse(text, start="namespaces" if of_namespaces else "selector")
    except UnexpectedInput:
        return False
    return True


def tag_selector(key: str) -> str:
    """The selector of the endpoints that have a tag."""
    return f"has({key})"


def tag_of(selector: str) -> str | None:
    """The label of the tag that a selector consists of; None if it is another selector."""
    match = _TAG.fullmatch(selector)
    return match and (match[1] or match[2])


def with_v3_namespace_label(selector: str) -> str:
    """A v1 selector with the v3 name of the label of namespaces."""
    return selector.replace(_NAMESPACE_LABEL_V1, _NAMESPACE_LABEL)


def with_renamed_labels(selector: str, new_name: Callable[[str], str]) -> str:
    """A selector with renamed labels.

    Args:
        selector: The selector.
        new_name: The new name of a label; labels with a domain and quoted texts are not changed.
    """

    def replacement(match: re.Match[str]) -> str:
        word = match[0]
        return word if word[0] in "\"'" or "/" in word else new_name(word)

    return _TEXT_OR_IDENTIFIER.sub(replacement, selector)


def with_tag(selector: str, key: str, *, is_negated: bool) -> str:
    """One selector for a selector and a tag of the same v1 rule.

    Args:
        selector: The selector.
        key: The label of the tag.
        is_negated: Whether the rule excludes them. In v1 it excludes endpoints with either, while upstream's upgrade
            excludes only endpoints with both (a flaw).
    """
    return f"({selector}) {_operator(is_negated)} {tag_selector(key)}"


def _operator(is_negated: bool) -> str:
    return "||" if is_negated else "&&"


def split_tag(selector: str, *, is_negated: bool) -> tuple[str | None, str | None]:
    """The selector and the label of the tag that `with_tag` has joined; None for a part that is absent."""
    key = tag_of(selector)
    if key is not None:
        return None, key
    head, operator, tail = selector.rpartition(f") {_operator(is_negated)} ")
    key = tag_of(tail) if operator else None
    if key is None or not head.startswith("(") or not is_selector(head[1:]):
        return selector, None
    return head[1:], key
