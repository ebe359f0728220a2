"""Resources as YAML, written so that all parsers agree on them, and read as Calico's tools read them.

The library is PyYAML, which follows YAML 1.1: it reads an unquoted `80:90` as a number of base 60, `on` as true, and a
date as a date. Calico's tools do not; a range of ports must stay a text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml

# Texts that are written without quotes, since every parser reads them as text.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9/._()-]*[A-Za-z0-9/._()-]")
# The core schema of YAML 1.2, without octal numbers.
_TYPES = {
    "tag:yaml.org,2002:null": (r"~|null|Null|NULL|", "~nN\0"),
    "tag:yaml.org,2002:bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "tag:yaml.org,2002:int": (r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    "tag:yaml.org,2002:float": (
        r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?",
        "-+.0123456789",
    ),
}


class NotYaml(ValueError):
    """A text is not valid YAML.

    Attributes:
        reason: The reason, for messages.
        offset: The offset of the error in the text.
    """

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


def yaml_text(documents: Sequence[Mapping[str, object]]) -> str:
    """Documents as YAML in ASCII, separated by `---`; without control characters, which could affect a terminal."""
    import yaml

    return yaml.dump_all(documents, Dumper=_dumper(), sort_keys=False, width=2**31 - 1)


@cache
def _dumper() -> type[yaml.SafeDumper]:
    import yaml

    class ResourceDumper(yaml.SafeDumper):
        """Writes lists indented below their keys, and without references (aliases)."""

        def ignore_aliases(self, _value: object) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        # PyYAML also quotes a plain text that YAML would read as another type.
        style = None if _PLAIN.fullmatch(value) else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    ResourceDumper.add_representer(str, text)
    return ResourceDumper


def read_yaml(text: str) -> tuple[Any, ...]:
    """The documents in a text, without empty ones.

    Raises:
        NotYaml: The text is not valid YAML, or a key is not a text.
    """
    import yaml

    try:
        loader = _loader()(text)
        try:
            return tuple(document for document in _documents(loader) if document is not None)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NotYaml(error.problem or error.context or "it cannot be read", mark.index if mark else 0) from None
    except yaml.YAMLError as error:
        raise NotYaml(getattr(error, "reason", None) or str(error), getattr(error, "position", None) or 0) from None
    except RecursionError:
        raise NotYaml("it is nested too deeply", 0) from None
    except ValueError as error:
        raise NotYaml(str(error), 0) from None


def _documents(loader: Any) -> Any:
    while loader.check_data():
        yield loader.get_data()


@cache
def _loader() -> type[yaml.SafeLoader]:
    import yaml

    class ResourceLoader(yaml.SafeLoader):
        """Reads the types of YAML 1.2. A duplicate key is an error, and so is a reference (alias).

        References can make a document infinite, or a billion times as long; no tool writes resources with them.
        """

        def compose_node(self, parent: Any, index: Any) -> Any:
            events: Any = self  # its methods have no type annotations
            if self.check_event(yaml.AliasEvent):
                raise yaml.composer.ComposerError(None, None, "a reference", events.peek_event().start_mark)
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            names: set[object] = set()
            for key, _ in node.value:
                name = self.construct_object(key, deep=True)
                if not isinstance(name, str):
                    raise yaml.constructor.ConstructorError(None, None, "a key that is not a string", key.start_mark)
                if name in names:
                    raise yaml.constructor.ConstructorError(None, None, f"duplicate key `{name}`", key.start_mark)
                names.add(name)
            return super().construct_mapping(node, deep=deep)

    ResourceLoader.yaml_implicit_resolvers = {}
    for tag, (pattern, first) in _TYPES.items():
        letters = ["" if letter == "\0" else letter for letter in first]
        ResourceLoader.add_implicit_resolver(tag, re.compile(f"(?:{pattern})$"), letters)
    return ResourceLoader
