"""Selectors of v3, and the tags of v1 in them.

Tag T of v1 is the label `T: ""`. In a selector it is `has(T)`, which is what the agent has made of it since 2.6;
`T == ''`, which the upstream upgrade wrote, is read as the tag, too (it differs only where an endpoint has a label T of
its own with another value).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Lark

_IDENTIFIER = r"[A-Za-z0-9_./-]{1,512}"
# What Go takes for white space; Python takes more.
_SPACE = r"[\t\n\f\r ]*"
_TAG = re.compile(rf"[ \t]*(?:has\({_SPACE}({_IDENTIFIER}){_SPACE}\)|({_IDENTIFIER})[ \t]*==[ \t]*(?:''|\"\"))[ \t]*")
_TEXT_OR_IDENTIFIER = re.compile(rf"\"[^\"]*\"|'[^']*'|{_IDENTIFIER}")
# The label of a pod's namespace, in v1 and since. The upgrade replaces it as text, in values, too.
_NAMESPACE_LABEL_V1, _NAMESPACE_LABEL = "calico/k8s_ns", "projectcalico.org/namespace"
# A hostile selector costs no more than this.
_LENGTH_MAX = 65536
_NESTING_MAX = 200


@cache
def v3_selector_grammar(strict: bool = False) -> Lark:
    """The compiled grammar.

    Args:
        strict: Make every conflict and every collision of terminals an error (needs the package interegular).
    """
    # Lark costs more to import than a conversion without selectors takes.
    from importlib import resources

    from lark import Lark

    text = resources.files("calicoctl.grammar").joinpath("resource_selector.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", start=["selector", "namespaces"], strict=strict)


@lru_cache(maxsize=4096)
def is_selector(text: str, *, of_namespaces: bool = False) -> bool:
    """Whether the agent can read a selector. The empty text selects everything.

    Args:
        text: The selector.
        of_namespaces: Whether it selects namespaces, so that it may be `global()`.
    """
    # That of a tag is told without Lark, which takes longer to import than most commands.
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
    """The selector of the endpoints that carry a tag."""
    return f"has({key})"


def tag_of(selector: str) -> str | None:
    """The label of which a selector says just that an endpoint carries it as a tag; None for another selector."""
    matched = _TAG.fullmatch(selector)
    return matched and (matched[1] or matched[2])


def without_old_labels(selector: str) -> str:
    """A selector of v1 with the name that the label of namespaces has since."""
    return selector.replace(_NAMESPACE_LABEL_V1, _NAMESPACE_LABEL)


def renamed(selector: str, new_name: Callable[[str], str]) -> str:
    """A selector with other names for labels.

    Args:
        selector: The selector.
        new_name: The new name of a label; those with a domain are left alone, and so are texts in quotes.
    """

    def put(matched: re.Match[str]) -> str:
        word = matched[0]
        return word if word[0] in "\"'" or "/" in word else new_name(word)

    return _TEXT_OR_IDENTIFIER.sub(put, selector)


def with_tag(selector: str, key: str, *, is_negated: bool) -> str:
    """A selector together with a tag, as they stand side by side in a rule of v1.

    Args:
        selector: The selector.
        key: The label of the tag.
        is_negated: Whether a rule excludes what they select: in v1 that is either, while upstream's upgrade excludes
            only what is both (a flaw).
    """
    return f"({selector}) {_joint(is_negated)} {tag_selector(key)}"


def _joint(is_negated: bool) -> str:
    return "||" if is_negated else "&&"


def parted(selector: str, *, is_negated: bool) -> tuple[str | None, str | None]:
    """What a selector says beside a tag, and the label of the tag; None for what is not there."""
    key = tag_of(selector)
    if key is not None:
        return None, key
    head, middle, tail = selector.rpartition(f") {_joint(is_negated)} ")
    key = tag_of(tail) if middle else None
    if key is None or not head.startswith("(") or not is_selector(head[1:]):
        return selector, None
    return head[1:], key
