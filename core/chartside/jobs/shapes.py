"""A staff Task in the shapes that an EHR takes which has no Task (the rungs of ``chartside.ladder``).

Each keeps the identifier (so that it is written once), the client, what it is about, and the plain words.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from html import escape

from chartside.codes import MESSAGE_CATEGORY_SYSTEM, MessageCategory, concept
from chartside.types import Resource


def shape(task: Resource, resource_type: str) -> Resource:
    """The Task as ``resource_type`` (Task, Communication, DocumentReference, Basic). KeyError for another."""
    return _SHAPES[resource_type](task)


def communication_as_task(communication: Resource) -> Resource:
    """The ledger's record of a message where the EHR takes Task but not Communication. A Task stays as it is."""
    if communication.get("resourceType") != "Communication":
        return communication
    about = communication.get("about") or []
    return {
        "resourceType": "Task",
        "intent": "order",
        **({"code": communication["category"][0]} if communication.get("category") else {}),
        **({"for": communication["subject"]} if "subject" in communication else {}),
        **({"focus": about[0]} if about else {}),
    }


def _communication(task: Resource) -> Resource:
    return _common(task, "Communication") | {
        "status": "completed",
        "category": [concept(MESSAGE_CATEGORY_SYSTEM, MessageCategory.STAFF)],
        **({"subject": task["for"]} if "for" in task else {}),
        **({"about": [task["focus"]]} if "focus" in task else {}),
        **({"topic": task["code"]} if "code" in task else {}),
        "payload": [{"contentString": _words(task)}],
    }


def _document(task: Resource) -> Resource:
    text = base64.b64encode(_words(task).encode()).decode()
    return _common(task, "DocumentReference") | {
        "status": "current",
        **({"type": task["code"]} if "code" in task else {}),
        **({"subject": task["for"]} if "for" in task else {}),
        **({"context": {"related": [task["focus"]]}} if "focus" in task else {}),
        "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "data": text}}],
    }


def _basic(task: Resource) -> Resource:
    return _common(task, "Basic") | {
        "code": task.get("code", {"text": "staff task"}),
        **({"subject": task["for"]} if "for" in task else {}),
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{escape(_words(task))}</div>',
        },
    }


def _common(task: Resource, resource_type: str) -> Resource:
    return {"resourceType": resource_type, "identifier": task.get("identifier", [])}


def _words(task: Resource) -> str:
    """The description and, for a Task with outputs, one line each."""
    lines = [task.get("description", "Please look at this.")]
    lines += [f"- {o.get('valueString', '')}" for o in task.get("output", []) if o.get("valueString")]
    due = task.get("restriction", {}).get("period", {}).get("end")
    return "\n".join([*lines, *([f"Due: {due}"] if due else [])])


_SHAPES: Mapping[str, Callable[[Resource], Resource]] = {
    "Task": lambda task: task,
    "Communication": _communication,
    "DocumentReference": _document,
    "Basic": _basic,
}
