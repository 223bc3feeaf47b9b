"""One invented claim as plain data, small changes to it, and both of its forms: an 837P file and a FHIR Bundle.

Written without the plugin's own readers and writers, so that the deck judges them too. A change is a mapping of
dotted paths to values (``{"lines.0.code": "90834"}``); ``+`` at the end of a path appends.
"""

from __future__ import annotations

import base64
import copy
import json
from datetime import date, datetime, timedelta
from typing import Any

BASE: dict[str, Any] = {
    "usage": "T",
    "created": "2026-03-20",
    "bht06": "CH",
    "id": "ELM2001",
    "total": None,  # None: the sum of the lines
    "pos": "11",
    "frequency": "1",
    "original": "",
    "auth": "",
    "referral": "",
    "flags": ["Y", "A", "Y", "Y"],
    "paid": "",
    "note": "",
    "admitted": "",
    "accident": None,  # {"kind": "AA", "date": ..., "state": ...}
    "dx": ["F41.1"],
    "dx_qualifiers": None,
    "verification": "confirmed",
    "submitter": {"name": "ELM THERAPY", "id": "ELM01", "phone": "3125550100"},
    "billing": {
        "name": "ELM THERAPY",
        "first": "",
        "npi": "1234567893",
        "tin": "123456789",
        "tin_q": "EI",
        "line1": "1 MAIN ST",
        "city": "CHICAGO",
        "state": "IL",
        "zip": "606011234",
        "taxonomy": "101YM0800X",
    },
    "rendering": {
        "last": "STONE",
        "first": "JO",
        "npi": "1245319599",
        "taxonomy": "101YM0800X",
        "entity": "1",
        "licence": {"state": "IL", "start": "2020-01-01", "end": "2027-12-31"},
        "role": "Clinician",
    },
    "supervising": None,
    "referring": None,
    "facility": None,
    "payer": {"name": "ACME HEALTH", "id": "60054"},
    "filing": "CI",
    "sbr01": "P",
    "msp": "",
    "member": "W123456789",
    "group": "G100",
    "cover": {"status": "active", "start": "2025-01-01", "end": "2026-12-31"},
    "subscriber": {
        "last": "RIVERA",
        "first": "ANA",
        "dob": "1988-04-09",
        "sex": "F",
        "line1": "12 ELM ST",
        "city": "CHICAGO",
        "state": "IL",
        "zip": "606011234",
        "country": "",
        "died": "",
    },
    "relationship": "18",
    "patient": None,  # a dependant, like subscriber; relationship is then PAT01
    "others": [],  # {"sbr01", "filing", "payer", "paid", "cas": [[group, reason, amount]], "date", "line_date"}
    "lines": [
        {
            "code": "90837",
            "mod": [],
            "charge": "150",
            "unit": "UN",
            "units": "1",
            "pos": "",
            "ptr": [1],
            "date": "2026-03-10",
            "to": "",
            "auth": "",
            "npi": "",
        }
    ],
    # what only the chart knows
    "chart": True,
    "visit": {
        "class": "AMB",
        "status": "finished",
        "start": "15:00",
        "minutes": 55,
        "home": None,
        "state": "IL",
        "pos": "",
    },
    "doc": {
        "status": "final",
        "signed": True,
        "date": "2026-03-10T17:00:00-06:00",
        "text": "Session 15:00-15:55.",
    },
    "extra": [],  # further resources
    "patch": [],  # (resource type, dotted path, value) on the finished Bundle
    "edit": [],  # (old, new) on the finished 837P
}
NEW_LINE = copy.deepcopy(BASE["lines"][0])


def changed(changes: dict[str, Any], base: dict[str, Any] = BASE) -> dict[str, Any]:
    """A copy with the changes."""
    spec = copy.deepcopy(base)
    for path, value in changes.items():
        put(spec, path, copy.deepcopy(value))
    return spec


def put(thing: Any, path: str, value: Any) -> None:
    """Set, append (``+``) or delete (``None`` on a list's place stays None) at a dotted path."""
    *above, last = path.rstrip("+").split(".")
    for key in above:
        thing = thing[int(key) if key.isdigit() else key]
    if path.endswith("+"):
        thing = thing[last]
        thing.append(value)
    else:
        thing[int(last) if last.isdigit() else last] = value


def line(code: str, **more: Any) -> dict[str, Any]:
    """A further line."""
    return {**copy.deepcopy(NEW_LINE), "code": code, **more}


def _day(text: str) -> str:
    return text.replace("-", "")


# --- 837P -----------------------------------------------------------------------------------------------


def x12(*specs: dict[str, Any]) -> str:
    """An 837P with one claim for each spec; the envelope is the first one's."""
    head = specs[0]
    body: list[str] = [
        "ST*837*0001*005010X222A1",
        f"BHT*0019*00*REF1*{_day(head['created'])}*1200*{head['bht06']}",
        f"NM1*41*2*{head['submitter']['name']}*****46*{head['submitter']['id']}",
        f"PER*IC*BILLING*TE*{head['submitter']['phone']}",
        "NM1*40*2*CLEARING HOUSE*****46*CH001",
    ]
    level = 0
    for spec in specs:
        level = _levels(spec, body, level)
    body.append(f"SE*{len(body) + 1}*0001")
    ends = "*ZZ*ELM01          *ZZ*CH001          *260320*1200"
    isa = f"ISA*00*          *00*          {ends}*^*00501*000000001*0*{head['usage']}*:"
    text = "~\n".join([isa, f"GS*HC*ELM01*CH001*{_day(head['created'])}*1200*1*X*005010X222A1", *body])
    text += "~\nGE*1*1~\nIEA*1*000000001~\n"
    for spec in specs:
        for old, new in spec["edit"]:
            assert old in text, old
            text = text.replace(old, new)
    return text


def _levels(s: dict[str, Any], out: list[str], level: int) -> int:
    b = s["billing"]
    level += 1
    billing = level
    out.append(f"HL*{level}**20*1")
    if b["taxonomy"]:
        out.append(f"PRV*BI*PXC*{b['taxonomy']}")
    out.append(f"NM1*85*{'1' if b['first'] else '2'}*{b['name']}*{b['first']}****XX*{b['npi']}")
    out += [f"N3*{b['line1']}", f"N4*{b['city']}*{b['state']}*{b['zip']}", f"REF*{b['tin_q']}*{b['tin']}"]
    level += 1
    child = s["patient"] is not None
    out.append(f"HL*{level}*{billing}*22*{int(child)}")
    relationship = "" if child else s["relationship"]
    out.append(f"SBR*{s['sbr01']}*{relationship}*{s['group']}**{s['msp']}****{s['filing']}")
    if s["subscriber"]["died"] and not child:
        out.append(f"PAT*****D8*{_day(s['subscriber']['died'])}")
    _person("IL", s["subscriber"], out, member=s["member"])
    out.append(f"NM1*PR*2*{s['payer']['name']}*****PI*{s['payer']['id']}")
    if child:
        level += 1
        died = f"****D8*{_day(s['patient']['died'])}" if s["patient"]["died"] else ""
        out += [f"HL*{level}*{level - 1}*23*0", f"PAT*{s['relationship']}{died}"]
        _person("QC", s["patient"], out)
    _claim(s, out)
    return level


def _person(qualifier: str, p: dict[str, Any], out: list[str], member: str = "") -> None:
    number = f"*****MI*{member}"[1:] if member else ""
    out.append(f"NM1*{qualifier}*1*{p['last']}*{p['first']}{('***' + number[3:]) if member else ''}")
    if member:
        out[-1] = f"NM1*{qualifier}*1*{p['last']}*{p['first']}****MI*{member}"
    if p["line1"] or p["city"]:
        out.append(f"N3*{p['line1']}")
        out.append(f"N4*{p['city']}*{p['state']}*{p['zip']}{'*' + p['country'] if p['country'] else ''}")
    out.append(f"DMG*D8*{_day(p['dob'])}*{p['sex']}")


def total_of(s: dict[str, Any]) -> str:
    """CLM02: as given, else the sum of the lines."""
    if s["total"] is not None:
        return str(s["total"])
    return f"{sum(float(x['charge']) for x in s['lines']):g}"


def _claim(s: dict[str, Any], out: list[str]) -> None:
    f = s["flags"]
    cause = ""
    if s["accident"]:
        state = f":::{s['accident']['state']}" if s["accident"]["state"] else ""
        cause = f"**{s['accident']['kind']}{state}"
    out.append(
        f"CLM*{s['id']}*{total_of(s)}***{s['pos']}:B:{s['frequency']}*{f[0]}*{f[1]}*{f[2]}*{f[3]}{cause}"
    )
    if s["accident"] and s["accident"]["date"]:
        out.append(f"DTP*439*D8*{_day(s['accident']['date'])}")
    if s["admitted"]:
        out.append(f"DTP*435*D8*{_day(s['admitted'])}")
    if s["paid"]:
        out.append(f"AMT*F5*{s['paid']}")
    for qualifier, value in (("9F", s["referral"]), ("G1", s["auth"]), ("F8", s["original"])):
        if value:
            out.append(f"REF*{qualifier}*{value}")
    if s["note"]:
        out.append(f"NTE*ADD*{s['note']}")
    qualifiers = s["dx_qualifiers"] or ["ABK"] + ["ABF"] * 20
    if s["dx"]:
        codes = [f"{q}:{c.replace('.', '')}" for q, c in zip(qualifiers, s["dx"], strict=False)]
        out.append("HI*" + "*".join(codes))
    for key, qualifier in (
        ("referring", "DN"),
        ("rendering", "82"),
        ("facility", "77"),
        ("supervising", "DQ"),
    ):
        _party(s[key], qualifier, out)
    for other in s["others"]:
        _other(s, other, out)
    for number, x in enumerate(s["lines"], 1):
        _line(s, number, x, out)


def _party(p: dict[str, Any] | None, qualifier: str, out: list[str]) -> None:
    if p is None:
        return
    if qualifier == "77":
        out += [
            f"NM1*77*2*{p['name']}*****XX*{p['npi']}",
            f"N3*{p['line1']}",
            f"N4*{p['city']}*{p['state']}*{p['zip']}",
        ]
        return
    out.append(f"NM1*{qualifier}*{p.get('entity', '1')}*{p['last']}*{p['first']}****XX*{p['npi']}")
    if qualifier == "82" and p.get("taxonomy"):
        out.append(f"PRV*PE*PXC*{p['taxonomy']}")


def _other(s: dict[str, Any], o: dict[str, Any], out: list[str]) -> None:
    out.append(f"SBR*{o['sbr01']}*{o.get('relationship', '18')}*******{o['filing']}")
    if o.get("cas_level", "line") == "claim":
        out += [f"CAS*{g}*{r}*{a}" for g, r, a in o["cas"]]
    if o.get("paid") is not None:
        out.append(f"AMT*D*{o['paid']}")
    out.append("OI***Y***Y")
    person = o.get("subscriber") or s["subscriber"]
    out.append(f"NM1*IL*1*{person['last']}*{person['first']}****MI*{o.get('member', 'X987654321')}")
    out += [f"N3*{person['line1']}", f"N4*{person['city']}*{person['state']}*{person['zip']}"]
    out.append(f"NM1*PR*2*{o['payer']['name']}*****PI*{o['payer']['id']}")
    if o.get("date"):
        out.append(f"DTP*573*D8*{_day(o['date'])}")


def _line(s: dict[str, Any], number: int, x: dict[str, Any], out: list[str]) -> None:
    service = ":".join(["HC", x["code"], *x["mod"]])
    pointers = ":".join(str(p) for p in x["ptr"])
    out.append(f"LX*{number}")
    out.append(f"SV1*{service}*{x['charge']}*{x['unit']}*{x['units']}*{x['pos']}**{pointers}".rstrip("*"))
    if x["to"]:
        out.append(f"DTP*472*RD8*{_day(x['date'])}-{_day(x['to'])}")
    elif x["date"]:
        out.append(f"DTP*472*D8*{_day(x['date'])}")
    if x["auth"]:
        out.append(f"REF*G1*{x['auth']}")
    if x["npi"]:
        out.append(f"NM1*82*1*OTHER*PAT****XX*{x['npi']}")
    for o in s["others"]:
        if o.get("cas_level", "line") != "line" or o.get("paid") is None or o.get("later"):
            continue
        out.append(f"SVD*{o['payer']['id']}*{o.get('svd', o['paid'])}*HC:{x['code']}**{x['units']}")
        out += [f"CAS*{g}*{r}*{a}" for g, r, a in o["cas"]]
        if o.get("line_date"):
            out.append(f"DTP*573*D8*{_day(o['line_date'])}")


# --- FHIR -----------------------------------------------------------------------------------------------

_FILING = {"HM": "HMO", "CI": "EHCPOL", "12": "PPO"}
_SEX = {"F": "female", "M": "male", "U": "unknown", "": ""}
_KINSHIP = {"18": "self", "01": "spouse", "19": "child", "G8": "other", "": ""}
_NPI = "http://hl7.org/fhir/sid/us-npi"


def bundle(*specs: dict[str, Any]) -> dict[str, Any]:
    """A collection Bundle with the specs' claims and what they reference."""
    entries: dict[str, dict[str, Any]] = {}
    for number, spec in enumerate(specs):
        for resource in _resources(spec, number):
            entries[f"{resource['resourceType']}/{resource['id']}"] = resource
    for spec in specs:
        for extra in spec["extra"]:
            entries[f"{extra['resourceType']}/{extra['id']}"] = copy.deepcopy(extra)
        for kind, path, value in spec["patch"]:
            for resource in entries.values():
                if resource["resourceType"] == kind or f"{resource['resourceType']}/{resource['id']}" == kind:
                    put(resource, path, value)
    found = [{"fullUrl": f"https://ehr.example.org/fhir/{k}", "resource": r} for k, r in entries.items()]
    return {"resourceType": "Bundle", "type": "collection", "entry": found}


def ref(kind: str, name: str) -> dict[str, str]:
    """A Reference."""
    return {"reference": f"{kind}/{name}"}


def concept(code: str, system: str = "") -> dict[str, Any]:
    """A CodeableConcept."""
    return {"coding": [{"system": system, "code": code}] if system else [{"code": code}]}


def _address(p: dict[str, Any]) -> list[dict[str, Any]]:
    if not (p["line1"] or p["city"]):
        return []
    found = {"line": [p["line1"]], "city": p["city"], "state": p["state"], "postalCode": p["zip"]}
    return [found | ({"country": p["country"]} if p.get("country") else {})]


def _human(p: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "resourceType": "Patient",
        "id": name,
        "name": [{"family": p["last"], "given": [p["first"]]}],
        "birthDate": p["dob"],
        "address": _address(p),
    }
    if p["sex"]:
        found["gender"] = _SEX.get(p["sex"], "other")
    if p["died"]:
        found["deceasedDateTime"] = p["died"]
    return found


def _practitioner(p: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found: dict[str, Any] = {
        "resourceType": "Practitioner",
        "id": name,
        "name": [{"family": p["last"], "given": [p["first"]]}],
        "identifier": [{"system": _NPI, "value": p["npi"]}],
    }
    licence = p.get("licence")
    if licence:
        found["qualification"] = [
            {
                "code": {"text": "Licence"},
                "period": {"start": licence["start"], "end": licence["end"]},
                "issuer": {"display": licence["state"]},
            }
        ]
    role: dict[str, Any] = {
        "resourceType": "PractitionerRole",
        "id": f"role-{name}",
        "practitioner": ref("Practitioner", name),
        "code": [{"text": p.get("role", "Clinician")}],
    }
    if p.get("taxonomy"):
        role["specialty"] = [concept(p["taxonomy"], "http://nucc.org/provider-taxonomy")]
    return [found, role]


def _resources(s: dict[str, Any], number: int) -> list[dict[str, Any]]:
    n = f"-{number}" if number else ""
    b = s["billing"]
    practice = {
        "resourceType": "Organization",
        "id": "practice",
        "name": b["name"],
        "identifier": [
            {"system": _NPI, "value": b["npi"]},
            {"type": concept("TAX"), "system": "urn:oid:2.16.840.1.113883.4.4", "value": b["tin"]},
        ],
        "telecom": [{"system": "phone", "value": s["submitter"]["phone"]}],
        "address": _address(b),
        "type": [concept(b["taxonomy"], "http://nucc.org/provider-taxonomy")] if b["taxonomy"] else [],
    }
    if not b["npi"]:
        practice["identifier"] = practice["identifier"][1:]
    if not b["tin"]:
        practice["identifier"] = practice["identifier"][:1]
    if b["first"]:
        practice |= {"resourceType": "Practitioner", "name": [{"family": b["name"], "given": [b["first"]]}]}
        practice.pop("type")
    found = [practice, _human(s["subscriber"], "subscriber")]
    member = "subscriber"
    if s["patient"] is not None:
        member = "child"
        found.append(_human(s["patient"], member))
    coverage = _cover(
        s, "coverage", s, member, s["cover"], s["filing"], s["member"], s["relationship"], "payer"
    )
    found += [coverage, _payer("payer", s["payer"])]
    claim = _fhir_claim(s, n, member)
    for place, o in enumerate(s["others"]):
        name = f"other-{place}"
        relation = o.get("relationship", "18")
        found.append(
            _cover(s, name, o, member, s["cover"], o["filing"], o.get("member", "X987654321"), relation, name)
        )
        found.append(_payer(name, o["payer"]))
        if o.get("subscriber"):
            found.append(_human(o["subscriber"], f"{name}-subscriber"))
            found[-3]["subscriber"] = ref("Patient", f"{name}-subscriber")
        answer = _answer(s, o, name, n)
        if answer:
            found.append(answer)
    for key in ("rendering", "supervising", "referring"):
        if s[key]:
            found += _practitioner(s[key], key)
    if s["facility"]:
        f = s["facility"]
        found.append(
            {
                "resourceType": "Location",
                "id": "facility",
                "name": f["name"],
                "identifier": [{"system": _NPI, "value": f["npi"]}],
                "address": _address(f)[0],
            }
        )
    if s["referral"] or s["referring"]:
        found.append(
            {
                "resourceType": "ServiceRequest",
                "id": "referral",
                "status": "active",
                "intent": "order",
                "subject": ref("Patient", member),
                "identifier": [{"value": s["referral"]}],
            }
            | ({"requester": ref("Practitioner", "referring")} if s["referring"] else {})
        )
        claim["referral"] = ref("ServiceRequest", "referral")
    for place, code in enumerate(s["dx"]):
        found.append(
            {
                "resourceType": "Condition",
                "id": f"dx{place + 1}{n}",
                "subject": ref("Patient", member),
                "encounter": ref("Encounter", f"visit{n}"),
                "verificationStatus": concept(s["verification"]),
                "code": concept(code, "http://hl7.org/fhir/sid/icd-10-cm"),
            }
        )
    if s["chart"]:
        found += _visit(s, n, member)
    found.append(claim)
    return found


def _payer(name: str, p: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Organization", "id": name, "name": p["name"], "identifier": [{"value": p["id"]}]}


def _cover(
    s: dict[str, Any],
    name: str,
    holder: dict[str, Any],
    member: str,
    cover: dict[str, Any],
    filing: str,
    number: str,
    relationship: str,
    payer: str,
) -> dict[str, Any]:
    found = {
        "resourceType": "Coverage",
        "id": name,
        "status": cover["status"],
        "period": {"start": cover["start"], "end": cover["end"]},
        "beneficiary": ref("Patient", member),
        "subscriberId": number,
        "payor": [ref("Organization", payer)],
        "type": concept(_FILING.get(filing, filing)),
    }
    if relationship in _KINSHIP:
        found["relationship"] = concept(_KINSHIP[relationship])
    if name == "coverage":
        found["subscriber"] = ref("Patient", "subscriber")
        found["class"] = [{"type": concept("group"), "value": s["group"]}] if s["group"] else []
        if s["msp"]:
            found["extension"] = [{"url": "https://example.org/msp-type", "valueCode": s["msp"]}]
    return found


def _fhir_claim(s: dict[str, Any], n: str, member: str) -> dict[str, Any]:
    claim: dict[str, Any] = {
        "resourceType": "Claim",
        "id": f"claim{n}",
        "identifier": [{"value": s["id"]}],
        "status": "active",
        "use": "claim",
        "type": concept("professional"),
        "patient": ref("Patient", member),
        "created": s["created"],
        "provider": ref("Practitioner" if s["billing"]["first"] else "Organization", "practice"),
        "careTeam": [],
        "diagnosis": [
            {"sequence": i, "diagnosisReference": ref("Condition", f"dx{i}{n}")}
            for i, _ in enumerate(s["dx"], 1)
        ],
        "item": [_item(s, i, x, n) for i, x in enumerate(s["lines"], 1)],
        "total": {"value": float(total_of(s)), "currency": "USD"},
    }
    for key, role in (("rendering", "primary"), ("supervising", "supervisor")):
        if s[key]:
            claim["careTeam"].append(
                {
                    "sequence": len(claim["careTeam"]) + 1,
                    "provider": ref("Practitioner", key),
                    "role": concept(role),
                }
            )
    places = {"P": 1, "S": 2, "T": 3}
    mine = {"sequence": places.get(s["sbr01"], 1), "focal": True, "coverage": ref("Coverage", "coverage")}
    claim["insurance"] = [mine | ({"preAuthRef": [s["auth"]]} if s["auth"] else {})]
    for i, o in enumerate(s["others"]):
        entry = {
            "sequence": places.get(o["sbr01"], 2),
            "focal": False,
            "coverage": ref("Coverage", f"other-{i}"),
        }
        if _answer(s, o, f"other-{i}", n):
            entry["claimResponse"] = ref("ClaimResponse", f"answer-other-{i}")
        claim["insurance"].append(entry)
    if s["frequency"] in {"7", "8"}:
        kind = {"7": "replaces", "8": "void"}[s["frequency"]]
        related = {"relationship": concept(kind)}
        claim["related"] = [related | ({"reference": {"value": s["original"]}} if s["original"] else {})]
    if s["accident"]:
        a = s["accident"]
        claim["accident"] = {"type": concept({"AA": "MVA", "EM": "WPA", "OA": "SPT"}[a["kind"]])}
        claim["accident"] |= {"date": a["date"]} if a["date"] else {}
        claim["accident"] |= {"locationAddress": {"state": a["state"]}} if a["state"] else {}
    if s["facility"]:
        claim["facility"] = ref("Location", "facility")
    if s["admitted"]:
        claim["supportingInfo"] = [
            {"sequence": 1, "category": concept("hospitalized"), "timingPeriod": {"start": s["admitted"]}}
        ]
    names = ("signature", "assignment", "benefits-assigned", "release")
    if s["flags"] != ["Y", "A", "Y", "Y"]:
        claim["extension"] = [
            {"url": f"https://example.org/{name}", "valueCode": flag}
            for name, flag in zip(names, s["flags"], strict=True)
        ]
    if s["paid"]:
        claim.setdefault("extension", []).append(
            {"url": "https://example.org/patient-paid", "valueMoney": {"value": float(s["paid"])}}
        )
    return claim


def _item(s: dict[str, Any], number: int, x: dict[str, Any], n: str) -> dict[str, Any]:
    item: dict[str, Any] = {
        "sequence": number,
        "diagnosisSequence": x["ptr"],
        "productOrService": concept(x["code"], "http://www.ama-assn.org/go/cpt"),
        "modifier": [concept(m) for m in x["mod"]],
        "locationCodeableConcept": concept(x["pos"] or s["pos"]),
        "net": {"value": float(x["charge"]), "currency": "USD"},
    }
    if x["units"]:
        item["quantity"] = {"value": float(x["units"])} | ({"code": "min"} if x["unit"] == "MJ" else {})
    if x["to"]:
        item["servicedPeriod"] = {"start": x["date"], "end": x["to"]}
    elif x["date"]:
        item["servicedDate"] = x["date"]
    if s["chart"] and x["date"] == s["lines"][0]["date"]:
        item["encounter"] = [ref("Encounter", f"visit{n}")]
    return item


def _answer(s: dict[str, Any], o: dict[str, Any], name: str, n: str) -> dict[str, Any] | None:
    if o.get("paid") is None or o.get("later"):
        return None
    svd = o.get("svd", o["paid"])
    entries = [{"category": concept("benefit"), "amount": {"value": float(svd)}}] if _is_number(svd) else []
    for group, reason, amount in o["cas"]:
        kind = {"PR": "copay", "CO": "contractual"}[group]
        entries.append(
            {"category": concept(kind), "reason": concept(reason), "amount": {"value": float(amount)}}
        )
    return {
        "resourceType": "ClaimResponse",
        "id": f"answer-{name}",
        "status": "active",
        "use": "claim",
        "outcome": "complete",
        "created": o.get("date") or o.get("line_date") or "2026-03-15",
        "payment": {"amount": {"value": float(o["paid"])}},
        "item": [{"itemSequence": i, "adjudication": entries} for i, _ in enumerate(s["lines"], 1)],
    }


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _visit(s: dict[str, Any], n: str, member: str) -> list[dict[str, Any]]:
    v = s["visit"]
    day = s["lines"][0]["date"]
    found: list[dict[str, Any]] = []
    encounter: dict[str, Any] = {
        "resourceType": "Encounter",
        "id": f"visit{n}",
        "status": v["status"],
        "class": {"code": v["class"]},
        "subject": ref("Patient", member),
        "participant": [{"individual": ref("Practitioner", "rendering")}] if s["rendering"] else [],
        "diagnosis": [{"condition": ref("Condition", f"dx{i}{n}")} for i, _ in enumerate(s["dx"], 1)],
    }
    if day and v["start"]:
        start = datetime.fromisoformat(f"{day}T{v['start']}:00-06:00")
        end = start + timedelta(minutes=v["minutes"] or 0)
        encounter["period"] = {"start": start.isoformat(), "end": end.isoformat()}
        if v["minutes"] is None:
            del encounter["period"]["end"]
    if v["home"] is not None or v["pos"]:
        kind = (
            concept("PTRES" if v["home"] else "HOSP")
            if not v["pos"]
            else concept(v["pos"], "place-of-service")
        )
        found.append(
            {"resourceType": "Location", "id": f"place{n}", "type": [kind], "address": {"state": v["state"]}}
        )
        encounter["location"] = [{"location": ref("Location", f"place{n}")}]
    found.append(encounter)
    d = s["doc"]
    if d:
        note: dict[str, Any] = {
            "resourceType": "DocumentReference",
            "id": f"note{n}",
            "status": "current",
            "docStatus": d["status"],
            "date": d["date"],
            "type": concept("11506-3", "http://loinc.org"),
            "subject": ref("Patient", member),
            "author": [ref("Practitioner", "rendering")] if s["rendering"] else [],
            "context": {"encounter": [ref("Encounter", f"visit{n}")]},
            "content": [
                {
                    "attachment": {
                        "contentType": "text/plain",
                        "data": base64.b64encode(d["text"].encode()).decode(),
                    }
                }
            ],
        }
        if d["signed"] and s["rendering"]:
            note["authenticator"] = ref("Practitioner", "rendering")
        found.append(note)
    return found


def dumps(data: dict[str, Any]) -> str:
    """As a file."""
    return json.dumps(data)


def days_before(day: str, days: int) -> str:
    """A day as text."""
    return (date.fromisoformat(day) - timedelta(days=days)).isoformat()


def with_urns(made: dict[str, Any]) -> dict[str, Any]:
    """The same Bundle with ``urn:uuid`` names and no ids, as a transaction has them."""
    made = copy.deepcopy(made)
    names = {}
    for number, entry in enumerate(made["entry"]):
        resource = entry["resource"]
        entry["fullUrl"] = f"urn:uuid:00000000-0000-4000-8000-{number:012}"
        names[f"{resource['resourceType']}/{resource.pop('id')}"] = entry["fullUrl"]
    return json.loads(_renamed(json.dumps(made), names))


def contained(made: dict[str, Any]) -> dict[str, Any]:
    """One Claim that contains what it needs."""
    made = copy.deepcopy(made)
    resources = [entry["resource"] for entry in made["entry"]]
    claim = next(r for r in resources if r["resourceType"] == "Claim" and r["id"] == "claim")
    inner = [r for r in resources if r is not claim]
    names = {}
    for number, resource in enumerate(inner):
        names[f"{resource['resourceType']}/{resource['id']}"] = f"#c{number}"
        resource["id"] = f"c{number}"
    claim["contained"] = inner
    return json.loads(_renamed(json.dumps(claim), names))


def _renamed(text: str, names: dict[str, str]) -> str:
    for old, new in names.items():
        text = text.replace(f'"reference": "{old}"', f'"reference": "{new}"')
    return text
