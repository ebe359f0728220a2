"""Files of other kinds that are given as scripts: what one is, said once, instead of an error for each of its lines."""

from __future__ import annotations

import re

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, diagnose
from calicoctl.source import Source, Span

_BLANK_LINES = re.compile(r"(?:[ \t\r]*(?:#[^\n]*)?\n)*[ \t]*")
_WORD = re.compile(r"\S{1,20}")
# The marks of byte order of UTF-16, as bytes that are no UTF-8; without one, every other character of ASCII is NUL.
_UTF_16 = re.compile("\udcff\udcfe|\udcfe\udcff|\x00[\\x01-\\x7f]\x00|[\\x01-\\x7f]\x00[\\x01-\\x7f]\x00")
_FORMS = (
    (re.compile(r"\{[ \t\r]*(?:\n\s*)?[\"}]|\[[ \t\r]*(?:\n\s*)?[{\"\]]"), "JSON"),
    (re.compile(r"---[ \t\r]*(?:\n|\Z)|(?!(?:profile|define|include)\b)(?:- )?[A-Za-z][\w./-]*:(?=\s|\Z)"), "YAML"),
    (re.compile(r"\*(?:filter|nat|mangle|raw|security)[ \t\r]*(?:\n|\Z)"), "what iptables-save prints"),
    (
        re.compile(
            r"(?:#!\S*nft\b.*\n\s*)?"
            r"(?:(?:add|flush|delete|create|destroy)[ \t]+(?:table|ruleset|chain)\b|table[ \t]+\w+)"
        ),
        "a ruleset of nft",
    ),
    (re.compile(r"<(?:\?xml|!DOCTYPE|html)\b", re.IGNORECASE), "a web page, or XML"),
)
# Of a file that begins like a script, a NUL is a mistake in its line.
_BEGINNINGS = ("profile", "calicoctl", "./calicoctl", "$", "define", "include")
_OF_RULES = re.compile(r'"(?:in|out)bound_rules"')


def detect_other_format(source: Source) -> Diagnostic | None:
    """What a file is that does not begin as a script can; None for a script, and for what nobody knows.

    Args:
        source: The file; a byte that is not UTF-8 is a lone surrogate.
    """
    text = source.text
    if _UTF_16.match(text):
        # Without a mark of byte order, iconv must be told which it is.
        encoding = "UTF-16" if text[0] in "\udcff\udcfe" else "UTF-16BE" if text[0] == "\x00" else "UTF-16LE"
        return _said(source, 0, 1, "UTF-16 text", f"`iconv -f {encoding} -t UTF-8` makes UTF-8 of it")
    blank = _BLANK_LINES.match(text)
    start = 0 if blank is None else blank.end()
    word = _WORD.match(text, start)
    for pattern, form in _FORMS:
        if word is not None and pattern.match(text, start):
            has_rules = form == "JSON" and _OF_RULES.search(text, start, start + 10_000)
            hint = "`calicoctl profile <PROFILE> rule update < FILE` reads rules as JSON" if has_rules else None
            return _said(source, start, word.end(), form, hint)
    if "\x00" in text[start : start + 200] and not text.startswith(_BEGINNINGS, start):
        place = text.index("\x00", start)
        return _said(source, place, place + 1, "no text (it has NUL characters)", None)
    return None


def _said(source: Source, start: int, end: int, form: str, hint: str | None) -> Diagnostic:
    return diagnose(messages.UNSUPPORTED_FORMAT, Span(source, start, end), hint, form=form)
