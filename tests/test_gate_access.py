"""Declared access: every door, and every side door (S-7)."""

from __future__ import annotations

import pytest

from chartside.errors import UndeclaredAccess
from chartside.gate.access import need_operation, need_search
from chartside.manifest import Manifest

MANIFEST = Manifest.model_validate(
    {
        "plugin": {"name": "reminders", "title": "R", "api": 1},
        "access": {"Appointment": "rs", "Communication": "crus", "Provenance": "r"},
        "operations": {"Appointment": ["find"]},
    }
)

ALLOWED = [
    ("Appointment", [("date", "ge2026-01-01"), ("_include", "Appointment:actor")]),
    ("Appointment", [("_revinclude", "Provenance:target")]),
    ("Communication", [("based-on:Appointment.date", "2026")]),
    ("Appointment", [("_has:Communication:about:status", "completed")]),
]

REFUSED = [
    ("Patient", []),
    ("Provenance", []),
    ("Appointment", [("patient.name", "Doe")]),
    ("Appointment", [("actor.name", "Doe")]),
    ("Appointment", [("actor:Patient.birthdate", "1980-01-01")]),
    ("Appointment", [("_has:Observation:patient:code", "x")]),
    ("Appointment", [("_include", "Appointment:patient:Patient")]),
    ("Appointment", [("_include", "*")]),
    ("Appointment", [("_include:iterate", "Appointment:*")]),
    ("Appointment", [("_revinclude", "Encounter:appointment")]),
    ("Appointment", [("_filter", "patient.name eq Doe")]),
    ("Appointment", [("_filter:exact", "patient.name eq Doe")]),
    ("Appointment", [("_text:contains", "Doe")]),
    ("Communication", [("based-on:Appointment._filter", "patient.name eq Doe")]),
    ("Appointment", [("_has:Communication:about:_content", "Doe")]),
    ("Communication", [("based-on:Appointment.actor.name", "Doe")]),
    ("Appointment/../Patient", []),
    ("", []),
]


@pytest.mark.parametrize(("kind", "params"), ALLOWED)
def test_what_is_declared_passes(kind, params):
    """S-7: the declared minimum is enough to work with."""
    need_search(MANIFEST, kind, params)


@pytest.mark.parametrize(("kind", "params"), REFUSED)
def test_what_is_not_declared_is_refused(kind, params):
    """S-7: chains, reverse chains, includes and filters reach other types, and are refused; values are not told."""
    with pytest.raises(UndeclaredAccess) as caught:
        need_search(MANIFEST, kind, params)
    assert "Doe" not in str(caught.value)


def test_operations_are_declared_by_name():
    """S-7: an operation that is not listed is refused."""
    need_operation(MANIFEST, "Appointment", "find")
    with pytest.raises(UndeclaredAccess):
        need_operation(MANIFEST, "Appointment", "book")
