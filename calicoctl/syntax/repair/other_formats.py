"""Detect files of other formats that are given as scripts, for one diagnostic instead of one for each line."""

from __future__ import annotations

import re

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, diagnose
from calicoctl.language.keywords import DIRECTIVES, STATEMENT_BEGINNINGS
from calicoctl.source import Source, Span

_BLANK_LINES = re.compile(r"(?:[ \t\r]*(?:#[^\n]*)?\n)*[ \t]*")
_WORD = re.compile(r"\S{1,20}")
# UTF-16: a byte-order mark, whose bytes are not UTF-8, or a NUL before or after each ASCII character.
_UTF_16 = re.compile("\udcff\udcfe|\udcfe\udcff|\x00[\\x01-\\x7f]\x00|[\\x01-\\x7f]\x00[\\x01-\\x7f]\x00")
_FORMATS = (
    (re.compile(r"\{[ \t\r]*(?:\n\s*)?[\"}]|\[[ \t\r]*(?:\n\s*)?[{\"\]]"), "JSON"),
    (re.compile(r"---[ \t\r]*(?:\n|\Z)|(?!(?:profile|define|include)\b)(?:- )?[A-Za-z][\w./-]*:(?=\s|\Z)"), "YAML"),
    (re.compile(r"\*(?:filter|nat|mangle|raw|security)[ \t\r]*(?:\n|\Z)"), "the output of iptables-save"),
    (
        re.compile(
            r"(?:#!\S*nft\b.*\n\s*)?"
            r"(?:(?:add|flush|delete|create|destroy)[ \t]+(?:table|ruleset|chain)\b|table[ \t]+\w+)"
        ),
        "an nft ruleset",
    ),
    (re.compile(r"<(?:\?xml|!DOCTYPE|html)\b", re.IGNORECASE), "HTML or XML"),
)
# In a file that begins like a script, a NUL is an error in its line.
_BEGINNINGS = (*STATEMENT_BEGINNINGS, *DIRECTIVES)
_RESOURCE = re.compile(r"apiVersion\"?[ \t]*:[ \t]*\"?projectcalico\.org/")
# How many characters are searched for the kind of content.
_CHARACTERS_SEARCHED = 10_000
_RULE_LISTS = re.compile(r'"(?:in|out)bound_rules"')


def detect_other_format(source: Source) -> Diagnostic | None:
    """The diagnostic about a file of another format; None for a script and for an unknown format.

    Args:
        source: The file, in which bytes that are not UTF-8 are lone surrogates.
    """
    text = source.text
    if _UTF_16.match(text):
        # Without a byte-order mark, iconv needs the byte order.
        encoding = "UTF-16" if text[0] in "\udcff\udcfe" else "UTF-16BE" if text[0] == "\x00" else "UTF-16LE"
        return _unsupported_format(source, 0, 1, "UTF-16 text", f"`iconv -f {encoding} -t UTF-8` converts it to UTF-8")
    blank = _BLANK_LINES.match(text)
    start = 0 if blank is None else blank.end()
    word = _WORD.match(text, start)
    for pattern, form in _FORMATS:
        if word is not None and pattern.match(text, start):
            hint = _hint(text, start, form)
            return _unsupported_format(source, start, word.end(), form, hint)
    if "\x00" in text[start : start + 200] and not text.startswith(_BEGINNINGS, start):
        place = text.index("\x00", start)
        return _unsupported_format(source, place, place + 1, "binary data (it has NUL characters)", None)
    return None


def _hint(text: str, start: int, form: str) -> str | None:
    """The command that reads the content of a file of another format; None if there is none."""
    if form == "JSON" and _RULE_LISTS.search(text, start, start + _CHARACTERS_SEARCHED):
        return "`calicoctl profile <PROFILE> rule update < FILE` reads rules as JSON"
    if form in ("JSON", "YAML") and _RESOURCE.search(text, start, start + _CHARACTERS_SEARCHED):
        return "`calicoctl convert --from=calico FILE` converts resources of Calico v3 to a script"
    return None


def _unsupported_format(source: Source, start: int, end: int, form: str, hint: str | None) -> Diagnostic:
    return diagnose(messages.UNSUPPORTED_FORMAT, Span(source, start, end), hint, form=form)
