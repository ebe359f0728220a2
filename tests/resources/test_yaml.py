"""Resources as YAML: all readers read the written text equally, and values are read as by Calico's tools."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from calicoctl.resources.yaml_text import NotYaml, read_yaml, yaml_text

# Texts that a version of YAML could read as another type.
AMBIGUOUS = [
    "80:90",
    "1e3",
    "0x10",
    "010",
    "0o7",
    "on",
    "y",
    "n",
    "no",
    "true",
    "~",
    "null",
    "2001-01-01",
    "",
    " ",
    "-",
    "1_0",
]
texts = st.sampled_from(AMBIGUOUS) | st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\ufffe\uffff\u2028\u2029\x85")
)
values = st.recursive(
    texts | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
)


@given(st.lists(st.dictionaries(texts, values, min_size=1, max_size=4), min_size=1, max_size=3))
def test_written_documents_are_read_back(documents: list[dict[str, object]]) -> None:
    written = yaml_text(documents)
    assert list(read_yaml(written)) == documents
    # Also by a reader of YAML 1.1.
    assert list(yaml.safe_load_all(written)) == documents


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_a_text_that_could_be_another_type_is_quoted(text: str) -> None:
    assert yaml_text([{"key": text}]).strip()[len("key: ")] in "'\""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("80:90", "80:90"),
        ("on", "on"),
        ("y", "y"),
        ("2001-01-01", "2001-01-01"),
        ("010", "010"),
        ("true", True),
        ("8", 8),
    ],
)
def test_an_unquoted_value_has_the_type_that_calico_reads(text: str, value: object) -> None:
    assert read_yaml(f"key: {text}") == ({"key": value},)


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: 1\na: 2",
        "1: 2",
        "a: &x [1]\nb: *x",
        "&a [*a]",
        "\t- x",
        "a: \x00",
        "!!python/object:os.system x",
        "[" * 5000,
    ],
)
def test_ambiguous_endless_or_invalid_yaml_is_refused(text: str) -> None:
    with pytest.raises(NotYaml) as error:
        read_yaml(text)
    assert error.value.reason
