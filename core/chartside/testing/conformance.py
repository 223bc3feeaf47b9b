"""Suites to inherit: an adapter that passes keeps what the host relies on.

::

    from chartside.testing.conformance import AdapterConformance

    class TestMyEhr(AdapterConformance):
        adapter = MyEhr
        statement = {...}            # a CapabilityStatement of the real server, as it came
        foreign = [{...}]            # statements of other vendors that it must not take for its own
"""

from __future__ import annotations

from typing import Any, ClassVar

from chartside.adapter import Adapter
from chartside.fhir import Capabilities
from chartside.ladder import choose

Statement = dict[str, Any]


class AdapterConformance:
    """Set ``adapter`` and ``statement``; every test here then holds for the adapter."""

    adapter: ClassVar[type[Adapter]]
    statement: ClassVar[Statement]
    foreign: ClassVar[list[Statement]] = []
    recognised: ClassVar[bool] = True

    def made(self) -> Adapter:
        """The adapter on its statement."""
        return self.adapter(Capabilities(self.statement))

    def test_has_a_name_and_a_title(self) -> None:
        """``[ehr] adapter = "name"``: lower case, no blanks; the title is for people."""
        assert self.adapter.name == self.adapter.name.lower().replace(" ", "-")
        assert self.adapter.title

    def test_recognises_its_own_and_no_other(self) -> None:
        """``adapter = "auto"`` picks it for its own server, and for no other."""
        assert self.adapter.recognises(self.statement) is self.recognised
        assert not any(self.adapter.recognises(other) for other in self.foreign)
        assert not self.adapter.recognises({"resourceType": "CapabilityStatement"})

    def test_survives_a_dirty_statement(self) -> None:
        """A server's statement may be anything; recognising must not raise."""
        for dirty in (
            {},
            {"software": None, "publisher": 3},
            {"software": [], "implementation": "x", "rest": 7},
        ):
            assert self.adapter.recognises(dirty) is False

    def test_never_claims_more_than_the_statement(self) -> None:
        """An adapter takes away from what the server says; what it says not, is not asked of it."""
        made = self.made()
        for kind in ("Communication", "Task", "DocumentReference", "Appointment", "Claim", "Basic"):
            for interaction in ("create", "read", "update", "search-type", "delete", "patch"):
                claimed = made.capabilities.supports(kind, interaction)
                assert claimed or not made.supports(kind, interaction)

    def test_search_parameters_are_not_lost(self) -> None:
        """What a plugin asks for is still asked; a vendor's own may be added."""
        asked = {"status": "booked", "date": ["ge2026-01-01", "lt2026-02-01"]}
        assert asked.items() <= dict(self.made().search_params("Appointment", asked)).items()

    def test_every_wanted_type_has_a_rung(self) -> None:
        """The ladder ends somewhere for each type that plugins write, without a companion."""
        for kind in ("Task", "Communication", "DocumentReference", "Consent", "Claim"):
            rung = choose(kind, "cs", self.made(), None)
            assert rung.where == "nowhere" or self.made().supports_all(rung.type, "cs")
