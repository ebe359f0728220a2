"""What completion offers from the datastore: names of profiles and tags, and positions of rules.

A key was pressed, so that there is little time, and nobody wants to hear of a failure: then there are no names.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread

from calicoctl.diagnostics import Refused, printable
from calicoctl.engine.state import State
from calicoctl.language.words import Direction
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

# How long the datastore may take in all. What comes later is not waited for.
SECONDS = 0.6

# A word with what it stands for; empty when that needs no saying.
StoredWord = tuple[str, str]
Question = Callable[[Datastore], list[StoredWord]]


def ask(question: Question, option: str | None) -> list[StoredWord]:
    """Ask the datastore that the environment and `--datastore` name; nothing when it does not answer in time.

    Nothing is created by asking, and nothing said.

    Args:
        question: One of the functions below.
        option: The value of `--datastore`; None when it was not given.
    """
    found: list[StoredWord] = []
    with suppress(Refused):
        setting = resolve(option, os.environ)
        if setting.endpoints:
            load_client()  # which may take as long as etcd is given

        def answer() -> None:
            with suppress(Refused, DatastoreError):
                datastore = open_profiles(setting, Deadline(SECONDS))
                try:
                    found.extend(question(datastore))
                finally:
                    datastore.close()

        # In a thread, because a deadline cannot end everything: looking up a host's name takes as long as it takes.
        asking = Thread(target=answer, daemon=True)
        asking.start()
        asking.join(SECONDS)
    return list(found)


def profiles(datastore: Datastore) -> list[StoredWord]:
    """The names of all profiles."""
    return [(name, "") for name in State(datastore.read((keys.PROFILES,))).names()]


def tags(datastore: Datastore) -> list[StoredWord]:
    """Every tag that a profile carries."""
    found: set[str] = set()
    for key, entry in datastore.read((keys.PROFILES,)).items():
        place = keys.profile_of(key)
        if place is not None and place[1] == "tags":
            found.update(_tags(entry.value))
    return [(tag, "") for tag in sorted(found)]


def tag_words(profile: str) -> Question:
    """The tags of one profile, in their order."""

    def question(datastore: Datastore) -> list[StoredWord]:
        entry = datastore.read((keys.tags_key(profile),)).get(keys.tags_key(profile))
        return [] if entry is None else [(tag, "") for tag in _tags(entry.value)]

    return question if keys.is_inside_tree(profile) else _nothing


def _tags(text: str) -> tuple[str, ...]:
    document = read_stored_tags(Source("", text))
    return () if isinstance(document, Unreadable) else document.tags


def positions(profile: str, direction: str, *, is_new: bool) -> Question:
    """The positions of a profile's rules, each with the rule that is there now.

    Args:
        profile: The profile's name.
        direction: `inbound` or `outbound`.
        is_new: Whether a rule shall be put there, which may also be behind the last one.
    """

    def question(datastore: Datastore) -> list[StoredWord]:
        rules = State(datastore.read((keys.profile_folder(profile),))).profile(profile).rules
        if isinstance(rules, Unreadable):
            return []
        stored = () if rules is None else rules.rules(Direction(direction))
        return list(_numbered([printable(listing_text(rule)) for rule in stored], is_new))

    return question if keys.is_inside_tree(profile) else _nothing


def _numbered(texts: list[str], is_new: bool) -> Iterator[StoredWord]:
    for number, text in enumerate(texts, start=1):
        yield str(number), f"before {text}" if is_new else text
    if is_new:
        yield str(len(texts) + 1), "at the end"


def _nothing(_: Datastore) -> list[StoredWord]:
    return []
