"""What may be written: JSON of the right form, and, if asked for, what the R4B models accept."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from chartside.sandbox.outcome import Refusal
from chartside.types import Resource

ID = re.compile(r"^[A-Za-z0-9\-.]{1,64}$")


def check_form(resource: Any, resource_type: str) -> Resource:
    """Return the resource if it is an object of this type with a fitting id; Refusal 400 otherwise."""
    if not isinstance(resource, dict):
        raise Refusal(400, "structure", "the body is no JSON object")
    if resource.get("resourceType") != resource_type:
        raise Refusal(400, "invalid", f"the body is no {resource_type}")
    if "id" in resource and not (isinstance(resource["id"], str) and ID.match(resource["id"])):
        raise Refusal(400, "value", "the id has characters that an id may not have")
    if not isinstance(resource.get("meta", {}), dict):
        raise Refusal(400, "structure", "meta is no object")
    return resource


def check_model(resource: Resource) -> None:
    """Refuse (422) what the R4B model of its type does not accept. The text names elements, never values."""
    model = _model(resource["resourceType"])
    if model is None:
        return
    try:
        model.model_validate(resource)
    except ValueError as error:
        raise Refusal(422, "invalid", _places(error)) from None


@cache
def _model(resource_type: str) -> Any:
    from fhir.resources.R4B import (
        get_fhir_model_class,
    )  # a slow import, only needed once something is written

    try:
        return get_fhir_model_class(resource_type)
    except KeyError:
        return None


def _places(error: ValueError) -> str:
    errors = getattr(error, "errors", None)
    if errors is None:
        return "the resource is invalid"
    found = [f"{'.'.join(str(part) for part in item['loc'])}: {item['type']}" for item in errors()]
    return "invalid: " + "; ".join(found[:10])
