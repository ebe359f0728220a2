"""The form of a write is, byte for byte, the one that the standard library makes."""

from __future__ import annotations

from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st

from calicoctl.store.etcd.v2.form_encoding import form_text

# Texts like JSON, which are encoded by a fast path, and any other texts.
JSON_LIKE = st.text(st.sampled_from('{}[]",:\\/ \n+%_.-~aZ09'), max_size=40)
OTHERS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.dictionaries(st.sampled_from(["value", "prevIndex", "ttl", "a b&"]), JSON_LIKE | OTHERS | st.integers()))
def test_a_form_is_that_of_the_standard_library(fields: dict[str, str | int]) -> None:
    assert form_text(fields) == urlencode(fields)
