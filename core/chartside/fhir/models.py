"""Resources as models of ``fhir.resources.R4B``: at the plugin's side, where types help; the raw JSON stays (H-4).

::

    from fhir.resources.R4B.appointment import Appointment
    from chartside.fhir import Models

    visits = Models(Appointment, context.fhir.search("Appointment", due).matches())
    for visit in visits:
        visit.model.start                       # a datetime
        visit.model.comment = "moved"
        context.fhir.save(visit.raw, visit.changed())   # only what you changed, all else as the server sent it
    visits.set_aside                            # ids of what no model could be made of

Real servers send what the models refuse. What is refused is left out of the model and named in ``dropped``; only
where an element is missing without which the resource is none is it set aside.
The package's own default is R5: import from ``fhir.resources.R4B``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from chartside.errors import InputError
from chartside.fhir.lossless import Path, merge
from chartside.types import Resource

M = TypeVar("M", bound=BaseModel)
_ROUNDS = 20  # a model tells all of one level's errors at once; deeper ones show when those are gone


@dataclass(frozen=True, slots=True)
class Typed(Generic[M]):
    """A model and the raw resource that it was made of; ``dropped``: places of ``raw`` that the model lacks."""

    model: M
    raw: Resource = field(repr=False)
    dropped: tuple[Path, ...] = ()

    def changed(self) -> Resource:
        """``raw`` with what was changed in the model, and nothing else: what the model dropped is still there."""
        before = type(self.model).model_validate(_without(self.raw, self.dropped))
        found: Resource = merge(self.raw, _plain(before), _plain(self.model), self.dropped)
        return found


def typed(model: type[M], resource: Resource) -> Typed[M]:
    """The resource as a model, without what the model refuses. Raises InputError where nothing can be salvaged."""
    dropped: set[Path] = set()
    for _ in range(_ROUNDS):
        rest = _without(resource, dropped)
        try:
            return Typed(model.model_validate(rest), resource, _outermost(dropped))
        except ValidationError as error:
            places = {_place(resource, dropped, item) for item in error.errors(include_input=False)}
            names = {".".join(map(str, item["loc"])) for item in error.errors(include_input=False)}
        except Exception:  # the models themselves break on some values: a list for a url, say
            places, names = {_breaking(model, rest)}, set()
        if () in places:
            break
        dropped |= places
    # Names of elements only: the values may be PHI, and so the cause is not chained.
    raise InputError(
        f"no {model.__name__} can be made of it: {', '.join(sorted(names))[:200] or 'its whole'}",
        mend="use the raw resource, or set it aside",
    )


class Models(Generic[M]):
    """Iterate resources as models, lazily and once. ``salvaged`` counts those of which something was dropped,
    ``set_aside`` lists the ids of those that are no such resource."""

    def __init__(self, model: type[M], resources: Iterable[Resource]) -> None:
        self._model, self._resources = model, resources
        self.salvaged = 0
        self.set_aside: list[str] = []

    def __iter__(self) -> Iterator[Typed[M]]:
        for resource in self._resources:
            try:
                found = typed(self._model, resource)
            except InputError:
                self.set_aside.append(str(resource.get("id", "")))
                continue
            self.salvaged += bool(found.dropped)
            yield found


def _breaking(model: type[BaseModel], resource: Resource) -> Path:
    """The element without which the model does not break; () where there is none."""
    for name in resource:
        try:
            model.model_validate({k: v for k, v in resource.items() if k != name})
        except ValidationError:
            return (name,)
        except Exception:  # noqa: S112 - another element is it, too, or instead
            continue
        return (name,)
    return ()


def _place(raw: Any, dropped: set[Path], item: Any) -> Path:
    """The innermost place of ``raw`` that an error is about; of an element that is missing, what lacks it."""
    place: Path = ()
    for step in item["loc"]:
        below = _step(raw, place, step, dropped)
        if below is None:
            break
        raw, place = below
    return place


def _step(raw: Any, place: Path, step: str | int, dropped: set[Path]) -> tuple[Any, Path] | None:
    """One step inwards. Models count a list's items without those that were dropped; ``raw`` counts all."""
    if isinstance(raw, list) and isinstance(step, int):
        kept = [index for index in range(len(raw)) if (*place, index) not in dropped]
        return (raw[kept[step]], (*place, kept[step])) if step < len(kept) else None
    if isinstance(raw, dict):
        # Models call _birthDate birthDate__ext, and class class_fhir.
        names = (str(step), f"_{str(step).removesuffix('__ext')}", str(step).removesuffix("_fhir"))
        name = next((name for name in names if name in raw), None)
        return (raw[name], (*place, name)) if name is not None and (*place, name) not in dropped else None
    return None


def _without(value: Any, dropped: Iterable[Path], place: Path = ()) -> Any:
    gone = dropped if isinstance(dropped, set | frozenset) else frozenset(dropped)
    if not gone:
        return value
    if isinstance(value, dict):
        return {k: _without(v, gone, (*place, k)) for k, v in value.items() if (*place, k) not in gone}
    if isinstance(value, list):
        return [_without(v, gone, (*place, n)) for n, v in enumerate(value) if (*place, n) not in gone]
    return value


def _outermost(places: set[Path]) -> tuple[Path, ...]:
    """Without those that lie within another."""
    inner = {place for place in places for n in range(1, len(place)) if place[:n] in places}
    return tuple(sorted(places - inner, key=str))


def _plain(model: BaseModel) -> Any:
    """As FHIR JSON."""
    return orjson.loads(model.model_dump_json())


__all__ = ["Models", "Typed", "typed"]
