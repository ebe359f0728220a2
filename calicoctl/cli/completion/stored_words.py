"""Completion from the datastore: names of profiles and tags, and positions of rules.

Completion has little time and cannot report failures: after one, it offers no names.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread

from calicoctl.diagnostics.core import Refused
from calicoctl.diagnostics.terminal_text import printable
from calicoctl.engine.state import State
from calicoctl.language.keywords import Direction
from calicoctl.language.names import is_key_segment
from calicoctl.layout.opening import open_profiles
from calicoctl.policy.documents.json_text import Unreadable
from calicoctl.policy.documents.tags_document import read_stored_tags
from calicoctl.policy.rule_text import listing_text
from calicoctl.source import Source
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.v2.server import load_client
from calicoctl.store.interface import Datastore, DatastoreError
from calicoctl.store.settings import resolve

# The time limit for the datastore, in total.
SECONDS = 0.6

# A word with its description, which may be empty.
StoredWord = tuple[str, str]
Question = Callable[[Datastore], list[StoredWord]]


def ask(question: Question, option: str | None) -> list[StoredWord]:
    """Ask the datastore that the environment and `--datastore` specify.

    Nothing is created or printed.

    Args:
        question: One of the functions below.
        option: The value of `--datastore`; None when it was not given.

    Returns:
        The words; none if the datastore does not answer in time.
    """
    words: list[StoredWord] = []
    with suppress(Refused):
        setting = resolve(option, os.environ)
        if setting.endpoints:
            load_client()  # may take as long as the time limit

        def answer() -> None:
            with suppress(Refused, DatastoreError):
                datastore = open_profiles(setting, Deadline(SECONDS))
                try:
                    words.extend(question(datastore))
                finally:
                    datastore.close()

        # In a thread, because the deadline cannot interrupt everything, such as the lookup of a host name.
        asking = Thread(target=answer, daemon=True)
        asking.start()
        asking.join(SECONDS)
    return list(words)


def profiles(datastore: Datastore) -> list[StoredWord]:
    """The names of all profiles."""
    return [(name, "") for name in State(datastore.read((keys.PROFILES,))).names()]


def tags(datastore: Datastore) -> list[StoredWord]:
    """All tags of all profiles."""
    tags_of_profiles: set[str] = set()
    for key, entry in datastore.read((keys.PROFILES,)).items():
        place = keys.profile_of(key)
        if place is not None and place[1] == keys.TAGS:
            tags_of_profiles.update(_tags(entry.value))
    return [(tag, "") for tag in sorted(tags_of_profiles)]


def tag_words(profile: str) -> Question:
    """The tags of one profile, in their order."""

    def question(datastore: Datastore) -> list[StoredWord]:
        entry = datastore.read((keys.tags_key(profile),)).get(keys.tags_key(profile))
        return [] if entry is None else [(tag, "") for tag in _tags(entry.value)]

    return question if is_key_segment(profile) else _nothing


def _tags(text: str) -> tuple[str, ...]:
    document = read_stored_tags(Source("", text))
    return () if isinstance(document, Unreadable) else document.tags


def positions(profile: str, direction: str, *, is_new: bool) -> Question:
    """The positions of a profile's rules, each with the rule that is there now.

    Args:
        profile: The profile's name.
        direction: `inbound` or `outbound`.
        is_new: Whether a rule is added there; then the position after the last one is also possible.
    """

    def question(datastore: Datastore) -> list[StoredWord]:
        rules = State(datastore.read((keys.profile_folder(profile),))).profile(profile).rules
        if isinstance(rules, Unreadable):
            return []
        stored = () if rules is None else rules.rules(Direction(direction))
        return list(_numbered([printable(listing_text(rule)) for rule in stored], is_new))

    return question if is_key_segment(profile) else _nothing


def _numbered(texts: list[str], is_new: bool) -> Iterator[StoredWord]:
    for number, text in enumerate(texts, start=1):
        yield str(number), f"before {text}" if is_new else text
    if is_new:
        yield str(len(texts) + 1), "at the end"


def _nothing(_: Datastore) -> list[StoredWord]:
    return []
