"""The abstract syntax tree of statements, before validation.

The syntax of a node is valid, but its values are not checked: `Word("99999")` may be in the place of a port. Nodes are
immutable and are compared by content; their place in the text (`span`) does not count. The class of a statement has the
name of its grammar rule (`RuleAdd` for `rule_add`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from calicoctl.fast_dataclasses import dataclass, field
from calicoctl.source import Definition, ExpandedSpan, Source, Span

_NOWHERE = Span(Source("<no source>", ""), 0, 0)


def _span() -> Span:
    return field(default=_NOWHERE, compare=False, repr=False)


class WordKind(Enum):
    """The kind of a word by its place in the grammar, which determines its canonical spelling and its expansion."""

    NAME = "a name"
    PROFILE = "the name of a profile"
    LISTED = "a word of a list"
    PORTS = "a port list"
    NETWORK = "a network"
    ICMP_TYPE = "an ICMP type"
    ICMP_CODE = "an ICMP code"
    POSITION = "a position"


@dataclass(frozen=True, slots=True)
class Word:
    """A word chosen by the user: a name, a port list, a network, a number.

    Attributes:
        text: The word without quotes.
        span: Its place in the source, including quotes.
        kind: Its kind, if it was parsed.
    """

    text: str
    span: Span = _span()
    kind: WordKind = field(default=WordKind.NAME, compare=False, repr=False)

    def part(self, start: int, end: int) -> Span:
        """The place in the source of some characters of the text; for a word in quotes, of the whole word.

        Args:
            start: The offset of the first character, from 0.
            end: The offset after the last one.
        """
        if self.span.text != self.text:
            return self.span
        return Span(self.span.source, self.span.start + start, self.span.start + end)

    def exact(self, start: int, end: int) -> Span | None:
        """The source characters that are identical to some characters of the text; None when there are none.

        In an expanded word they may be in the definition of a variable, where they can be replaced.
        """
        typed = self.span.text
        if typed != self.text:
            if typed[1:-1] != self.text or typed[:1] not in ("'", '"'):
                return None
            start, end = start + 1, end + 1
        return Span(self.span.source, self.span.start + start, self.span.start + end)


@dataclass(frozen=True, slots=True)
class VerbatimWord(Word):
    """A word that is printed without changes, including quotes and variables; only in formatted scripts."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an expanded word.

    Attributes:
        start: The offset of its first character in the word's text.
        end: The offset after its last character.
        typed: The source text: literal characters, or `${NAME}`.
        text: The text that it expands to.
        name: The variable; None for literal characters.
        word: The word of the variable's value; None for literal characters, and for a comma between two words of a
            list.
    """

    start: int
    end: int
    typed: Span
    text: str
    name: str | None = None
    word: Word | None = None


@dataclass(frozen=True, slots=True)
class ExpandedWord(Word):
    """A word with variables that were replaced by their values.

    Attributes:
        pieces: The pieces of its text, in order, without gaps.
    """

    pieces: tuple[Piece, ...] = field(default=(), compare=False, repr=False)

    def part(self, start: int, end: int) -> Span:
        """The place in the source of some characters: the `${NAME}` they come from, and their place in its value."""
        piece = self._piece(start, end)
        if piece is None:
            return self.span
        if piece.name is None:
            return self.exact(start, end) or piece.typed
        if piece.word is None:
            return piece.typed
        inner = piece.word.part(start - piece.start, end - piece.start)
        typed = piece.typed
        definition = Definition(piece.name, inner.plain)
        return ExpandedSpan(typed.source, typed.start, typed.end, (definition, *inner.via))

    def exact(self, start: int, end: int) -> Span | None:
        """The source characters that are identical to some characters of the text, or None; perhaps in a definition."""
        piece = self._piece(start, end)
        if piece is None:
            return None
        start, end = start - piece.start, end - piece.start
        if piece.name is not None:
            return None if piece.word is None else piece.word.exact(start, end)
        if piece.typed.text != piece.text:
            return None  # the piece has escapes
        return Span(piece.typed.source, piece.typed.start + start, piece.typed.start + end)

    def _piece(self, start: int, end: int) -> Piece | None:
        """The piece that contains some characters; for a place between two pieces, preferably a literal one."""
        pieces = [piece for piece in self.pieces if piece.start <= start and end <= piece.end]
        return min(pieces, key=lambda piece: piece.name is not None, default=None)


@dataclass(frozen=True, slots=True)
class Keyword:
    """One of several keywords that the grammar allows at a place: `allow`, `tcp`, `inbound`."""

    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class PeerNode:
    """`from` or `to` with its parts; all three are None when it is empty.

    Attributes:
        ports: The port list.
        tag: The tag's name.
        cidr: The network, which may be written without the word `cidr`.
        span: Its place, from the word `from` or `to` on.
    """

    ports: Word | None = None
    tag: Word | None = None
    cidr: Word | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class RuleNode:
    """An action and a match.

    Attributes:
        action: `allow` or `deny`.
        protocol: A protocol of the language, such as `tcp`.
        icmp_type: The word after `type`.
        icmp_code: The word after `code`.
        source: The `from` part.
        destination: The `to` part.
        span: The whole rule.
    """

    action: Keyword
    protocol: Keyword | None = None
    icmp_type: Word | None = None
    icmp_code: Word | None = None
    source: PeerNode | None = None
    destination: PeerNode | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class MatchNode:
    """A match without an action; it matches every packet when all its parts are None.

    Attributes:
        protocol: A protocol of the language, such as `tcp`.
        icmp_type: The word after `type`.
        icmp_code: The word after `code`.
        source: The `from` part.
        destination: The `to` part.
        span: The whole match.
    """

    protocol: Keyword | None = None
    icmp_type: Word | None = None
    icmp_code: Word | None = None
    source: PeerNode | None = None
    destination: PeerNode | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class OfProfileAlone:
    """A statement whose only argument is the profile."""

    profile: Word
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ProfileShow:
    """`profile show [--detailed]`."""

    detailed: bool = False
    repeated: Span | None = field(default=None, compare=False, repr=False)
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ProfileAdd:
    """`profile add <PROFILE>`."""

    profile: Word
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ProfileRemove:
    """`profile remove <PROFILE> [--no-check]`."""

    profile: Word
    no_check: bool = False
    repeated: Span | None = field(default=None, compare=False, repr=False)
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class TagShow(OfProfileAlone):
    """`profile <PROFILE> tag show`."""


@dataclass(frozen=True, slots=True)
class TagAdd:
    """`profile <PROFILE> tag add <TAG>`."""

    profile: Word
    tag: Word
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class TagRemove:
    """`profile <PROFILE> tag remove <TAG>`."""

    profile: Word
    tag: Word
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class RuleAdd:
    """`profile <PROFILE> rule add (inbound|outbound) [--at=<POSITION>] <RULE>`."""

    profile: Word
    direction: Keyword
    rule: RuleNode
    at: Word | None = None
    repeated: Span | None = field(default=None, compare=False, repr=False)
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class RuleRemove:
    """`profile <PROFILE> rule remove (inbound|outbound) <RULE>`."""

    profile: Word
    direction: Keyword
    rule: RuleNode
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class RuleRemoveAt:
    """`profile <PROFILE> rule remove (inbound|outbound) --at=<POSITION>`."""

    profile: Word
    direction: Keyword
    at: Word
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class RuleShow(OfProfileAlone):
    """`profile <PROFILE> rule show`."""


@dataclass(frozen=True, slots=True)
class RuleJson(OfProfileAlone):
    """`profile <PROFILE> rule json`."""


@dataclass(frozen=True, slots=True)
class HereDocument:
    """A text within the script.

    Attributes:
        delimiter: The line that ends it.
        body: The text up to that line.
        span: The place of the body. The source of the span is the body alone, so that it can be read like a file; the
            number of its first line is the one in the script.
    """

    delimiter: str
    body: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class RuleUpdate:
    """`profile <PROFILE> rule update`.

    Attributes:
        profile: The profile.
        document: In a script, the JSON text, or the path of a file with it, relative to the script. None on a command
            line, where the JSON comes from standard input.
        span: The whole statement.
    """

    profile: Word
    document: HereDocument | Word | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Trace:
    """`profile <PROFILE> trace (inbound|outbound) [<MATCH>]`."""

    profile: Word
    direction: Keyword
    match: MatchNode
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Expect:
    """`profile <PROFILE> expect (inbound|outbound) <RULE>`."""

    profile: Word
    direction: Keyword
    rule: RuleNode
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ExpectAll:
    """`profile --all expect (inbound|outbound) <RULE>`."""

    direction: Keyword
    rule: RuleNode
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class JsonRule:
    """A rule that only JSON can express: `json {"action": "log"}`."""

    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ProfileBlock:
    """The desired state of a profile.

    Attributes:
        profile: Its name.
        tags: All of its tags, in order.
        inbound: All of its inbound rules, in order.
        outbound: All of its outbound rules, in order.
        span: The line that begins the block.
        tags_span: The line of its tags.
    """

    profile: Word
    tags: tuple[Word, ...] = ()
    inbound: tuple[RuleNode | JsonRule, ...] = ()
    outbound: tuple[RuleNode | JsonRule, ...] = ()
    span: Span = _span()
    tags_span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Define:
    """`define NAME = VALUE`, only in scripts; not a statement, since it does not change a profile.

    Attributes:
        name: The variable.
        value: The words of its value, one or more.
        span: The whole line.
    """

    name: Word
    value: tuple[Word, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Include:
    """`include FILE`, only in scripts.

    Attributes:
        file: The path, relative to the script.
        span: The whole line.
    """

    file: Word
    span: Span = _span()


RegularStatement = TagShow | TagAdd | TagRemove | RuleRemove | RuleShow | RuleJson | Expect
# The statements that are parsed and printed by this table. Their text is the profile's name, the words in the name of
# the grammar rule, and the other fields in order: `rule_remove` is `profile WEB rule remove inbound deny`.
REGULAR_STATEMENTS: Mapping[str, type[RegularStatement]] = {
    "tag_show": TagShow,
    "tag_add": TagAdd,
    "tag_remove": TagRemove,
    "rule_remove": RuleRemove,
    "rule_show": RuleShow,
    "rule_json": RuleJson,
    "expect": Expect,
}

StatementNode = (
    ProfileShow
    | ProfileAdd
    | ProfileRemove
    | RuleAdd
    | RuleRemoveAt
    | RuleUpdate
    | Trace
    | ExpectAll
    | ProfileBlock
    | RegularStatement
)
