"""The results of expectations as text, as JSON and as JUnit XML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from xml.etree import ElementTree

from calicoctl.diagnostics import printable
from calicoctl.engine.meaning.coverage import ListCoverage, Mutant
from calicoctl.engine.meaning.expectations import Judgement
from calicoctl.syntax.repair.search import split_words

_FORMAT = 1

Document = dict[str, object]


def _statement(judgement: Judgement) -> str:
    return " ".join(word.text for word in split_words(judgement.step.extent))


# --- as text ------------------------------------------------------------------------------------


def result_line(judgement: Judgement) -> str:
    """One line for an expectation: whether it holds, its place, and the statement."""
    extent = judgement.step.extent
    return f"{'pass' if judgement.holds else 'FAIL'} {extent.source.name}:{extent.line}: {_statement(judgement)}"


def coverage_lines(covered: Sequence[ListCoverage]) -> Iterator[str]:
    """What expectations cover, list by list."""
    for rule_list in covered:
        where = f"{rule_list.profile} {rule_list.direction.value}"
        if rule_list.uncovered is None:
            yield f"{where}: not analysed, as it would take too long"
            continue
        decided = rule_list.rules - len(rule_list.uncovered)
        detected = "changes not tried: too many rules"
        if rule_list.mutants is not None:
            detected = f"{rule_list.mutants - len(rule_list.unnoticed)} of {rule_list.mutants} changes detected"
        yield f"{where}: {decided} of {rule_list.rules} rules decide an expectation; {detected}"
        yield from (f"  decides no expectation: {rule.in_place}" for rule in rule_list.uncovered)
        for mutant in rule_list.unnoticed:
            yield f"  not detected when {mutant.change.value}: {mutant.rule.in_place}"


# --- as JSON ------------------------------------------------------------------------------------


def json_document(judgements: Sequence[Judgement], covered: Sequence[ListCoverage] | None) -> Document:
    """One JSON document; docs/meaning.md documents it."""
    failed = sum(not judgement.holds for judgement in judgements)
    return {
        "format": _FORMAT,
        "reading": "open",
        "ok": failed == 0,
        "passed": len(judgements) - failed,
        "failed": failed,
        "expectations": [_expectation(judgement) for judgement in judgements],
        "coverage": None if covered is None else [_coverage(rule_list) for rule_list in covered],
    }


def _expectation(judgement: Judgement) -> Document:
    extent = judgement.step.extent
    return {
        "file": extent.source.name,
        "line": extent.line,
        "statement": _statement(judgement),
        "ok": judgement.holds,
        "problems": [
            {"code": problem.code, "message": problem.message, "hint": problem.hint}
            for problem in judgement.diagnostics
        ],
    }


def _coverage(covered: ListCoverage) -> Document:
    return {
        "profile": covered.profile,
        "direction": covered.direction.value,
        "rules": covered.rules,
        "uncovered": None
        if covered.uncovered is None
        else [{"position": rule.position, "rule": rule.text} for rule in covered.uncovered],
        "mutants": covered.mutants,
        "unnoticed": [_mutant(mutant) for mutant in covered.unnoticed],
    }


def _mutant(mutant: Mutant) -> Document:
    return {"change": mutant.change.value, "position": mutant.rule.position, "rule": mutant.rule.text}


# --- as JUnit's XML -----------------------------------------------------------------------------


def junit_document(judgements: Sequence[Judgement]) -> str:
    """One JUnit XML document, which CI servers read: a suite for each file, a case for each expectation."""
    root = ElementTree.Element("testsuites")
    for file, group in groupby(judgements, key=lambda judgement: judgement.step.extent.source.name):
        cases = list(group)
        failed = str(sum(not judgement.holds for judgement in cases))
        suite = ElementTree.SubElement(root, "testsuite", name=printable(file), tests=str(len(cases)), failures=failed)
        for judgement in cases:
            name = {"classname": printable(file), "name": printable(_statement(judgement))}
            case = ElementTree.SubElement(suite, "testcase", name, line=str(judgement.step.extent.line))
            for problem in judgement.diagnostics:
                message = printable(problem.message)
                failure = ElementTree.SubElement(case, "failure", message=message, type=problem.code)
                failure.text = printable(problem.hint or "")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)
