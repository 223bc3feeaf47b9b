"""Invented clients and clinicians."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from chartside.codes import NPI_SYSTEM, ROLE_CODE_SYSTEM, coding, concept
from chartside.sandbox.practice.places import AREAS, HOME, HOME_PHONE, STREETS, Place
from chartside.types import Resource

MRN_SYSTEM = "https://chartside.dev/fhir/sandbox/mrn"
TIMEZONE = "http://hl7.org/fhir/StructureDefinition/timezone"
NUCC = "http://nucc.org/provider-taxonomy"

_GIVEN = {
    "en": "Ada Beatrix Calvin Delphine Edmund Frances Gideon Harriet Ivor Josephine Kendrick Lavinia Magnus Nola Orson "
    "Philippa Quentin Rosalind Silas Tabitha Ulric Verity Winston Xanthe Yorick Zelda",
    "es": "Alejandra Benicio Catalina Damián Esperanza Fabián Graciela Héctor Inés Joaquín Leticia Matías Noelia "
    "Octavio Paloma Ramiro Soledad Tomás Úrsula Ximena",
}
_FAMILY = {
    "en": "Applethwaite Bramblewick Cottesloe Dunmore-Vane Eaglesfield Fothergill Garroway Hollingbourne Inglethorpe "
    "Jessamine Kettlewell Lindqvist Marchbanks Netherwood Oakenshaw Pemberwick Quillfeather Ravensdale "
    "Stanthorpe Thistlewood Underhay Vandersloot Wetherspool Yarborough Zimmerwald O'Hanrahan",
    "es": "Arizmendi Barrenechea Casasnovas Domínguez-Roa Echegaray Figueroa-Lanz Goicoechea Ibargüengoitia Jáuregui "
    "Larrañaga Muñoz-Abril Núñez-Ferrer Oyarzábal Peñalosa Quiñones Retamozo Santisteban Urrutia Zubizarreta",
}
_LANGUAGES = {"en": ("en", "English"), "es": ("es", "Spanish")}

_TAXONOMY = (
    ("103TC0700X", "Clinical Psychologist", "PhD"),
    ("1041C0700X", "Clinical Social Worker", "LCSW"),
    ("106H00000X", "Marriage & Family Therapist", "LMFT"),
    ("101YM0800X", "Mental Health Counselor", "LMHC"),
    ("2084P0800X", "Psychiatry Physician", "MD"),
)


@dataclass(frozen=True, slots=True)
class Client:
    """A client as the generator thinks of one; ``guardian`` is set for minors."""

    id: str
    number: int
    family: str
    given: str
    language: str
    born: date
    place: Place
    phone: str
    email: str
    guardian: Resource | None

    @property
    def reference(self) -> Resource:
        """The reference to the Patient."""
        return {"reference": f"Patient/{self.id}"}


def npi(number: int) -> str:
    """Return the National Provider Identifier made of a serial number: ten digits with their check digit.

    The check digit is Luhn's over the digits behind the prefix 80840 (45 CFR 162.406). Invented ones begin with 2,
    which the rule allows and NPPES has not handed out so far (unconfirmed).
    """
    body = f"2{number:08d}"
    total = 24  # Luhn's sum over the prefix 80840
    for index, char in enumerate(reversed(body)):
        digit = int(char) * (2 if index % 2 == 0 else 1)
        total += digit - 9 if digit > 9 else digit
    return f"{body}{-total % 10}"


@lru_cache(maxsize=8)
def phones(seed: int | str) -> tuple[tuple[Place, str], ...]:
    """Return every fictional number with its place, shuffled."""
    numbers = [(place, f"+1{area}555{line:04d}") for place, area in AREAS for line in range(100, 200)]
    numbers = [(place, number) for place, number in numbers if number != HOME_PHONE]
    random.Random(seed).shuffle(numbers)  # noqa: S311 - people, not secrets
    return tuple(numbers)


class People:
    """Makes clients and clinicians, each from its own seed, so that the n-th is the same at any size."""

    def __init__(self, seed: int, today: date) -> None:
        self._seed, self._today = seed, today
        self._phones = phones(f"{seed}/phones")
        self._names = {lang: (_GIVEN[lang].split(), _FAMILY[lang].split()) for lang in _GIVEN}

    def client(self, number: int) -> Client:
        """Return the client of this number (from 1)."""
        rng = random.Random(self._seed * 1_000_003 + number)  # noqa: S311
        language = "es" if rng.random() < 0.22 else "en"
        given_names, family_names = self._names[language]
        given, family = rng.choice(given_names), rng.choice(family_names)
        place, phone = self._phones[(number - 1) % len(self._phones)]
        age_days = int(rng.triangular(6, 90, 31) * 365.25)
        client_id = f"c{number:05d}"
        born = self._today - timedelta(days=age_days)
        minor = age_days < 18 * 365
        return Client(
            id=client_id,
            number=number,
            family=family,
            given=given,
            language=language,
            born=born,
            place=place,
            phone="" if rng.random() < 0.04 else phone,
            email=f"{client_id}@example.org" if rng.random() < 0.9 else "",
            guardian=_guardian(client_id, rng.choice(given_names), family, phone) if minor else None,
        )


def patient(client: Client) -> Resource:
    """Return the Patient. Every other one tells a time zone of its own; the rest only an address."""
    place = client.place
    address: Resource = {
        "use": "home",
        "line": [f"{100 + client.number % 899} {STREETS[client.number % len(STREETS)]}"],
        "city": place.city,
        "state": place.state,
        "postalCode": f"{place.zip3}{client.number % 90 + 10}",
        "country": "US",
    }
    resource: Resource = {
        "resourceType": "Patient",
        "id": client.id,
        "identifier": [{"type": _MR, "system": MRN_SYSTEM, "value": f"MRN-{client.number:07d}"}],
        "active": True,
        "name": [{"use": "official", "family": client.family, "given": [client.given]}],
        "gender": ("female", "male", "other", "unknown")[0 if client.number % 5 < 3 else client.number % 4],
        "birthDate": client.born.isoformat(),
        "address": [address],
        "communication": [{"language": _language(client.language), "preferred": True}],
    }
    if client.number % 2 == 0:
        resource["extension"] = [{"url": TIMEZONE, "valueCode": place.zone}]
    telecom = _telecom(client)
    return resource | ({"telecom": telecom} if telecom else {})


_MR = concept("http://terminology.hl7.org/CodeSystem/v2-0203", "MR")


def _language(code: str) -> Resource:
    tag, display = _LANGUAGES[code]
    return concept("urn:ietf:bcp:47", tag, display)


def _telecom(client: Client) -> list[Resource]:
    """Rank 1 is what the client prefers. A minor is reached through the guardian."""
    if client.guardian is not None:
        return []
    prefers_email = client.number % 7 == 3
    found = []
    if client.phone:
        use = "home" if client.number % 11 == 0 else "mobile"
        found.append(
            {"system": "phone", "value": client.phone, "use": use, "rank": 2 if prefers_email else 1}
        )
    if client.email:
        found.append({"system": "email", "value": client.email, "rank": 1 if prefers_email else 2})
    return found


def _guardian(client_id: str, given: str, family: str, phone: str) -> Resource:
    return {
        "resourceType": "RelatedPerson",
        "id": f"{client_id}-guardian",
        "active": True,
        "patient": {"reference": f"Patient/{client_id}"},
        "relationship": [concept(ROLE_CODE_SYSTEM, "GUARD", "guardian")],
        "name": [{"use": "official", "family": family, "given": [given]}],
        "telecom": [
            {"system": "phone", "value": phone, "use": "mobile", "rank": 1},
            {"system": "email", "value": f"{client_id}.guardian@example.org", "rank": 2},
        ],
    }


def clinician(number: int) -> list[Resource]:
    """Return Practitioner, PractitionerRole and Schedule of the clinician of this number (from 1)."""
    code, title, degree = _TAXONOMY[(number - 1) % len(_TAXONOMY)]
    given, family = _GIVEN["en"].split()[number % 26], _FAMILY["en"].split()[(number * 7) % 26]
    who = f"clinician-{number:03d}"
    return [
        {
            "resourceType": "Practitioner",
            "id": who,
            "identifier": [{"system": NPI_SYSTEM, "value": npi(number)}],
            "active": True,
            "name": [{"use": "official", "family": family, "given": [given], "suffix": [degree]}],
            "telecom": [{"system": "email", "value": f"{who}@example.org", "use": "work"}],
            "qualification": [{"code": {"text": degree}}],
        },
        {
            "resourceType": "PractitionerRole",
            "id": f"role-{number:03d}",
            "active": True,
            "practitioner": {"reference": f"Practitioner/{who}"},
            "organization": {"reference": "Organization/practice"},
            "location": [{"reference": "Location/office"}],
            "specialty": [{"coding": [coding(NUCC, code, title)]}],
        },
        {
            "resourceType": "Schedule",
            "id": f"schedule-{number:03d}",
            "active": True,
            "actor": [{"reference": f"Practitioner/{who}"}, {"reference": "Location/office"}],
        },
    ]


def house() -> list[Resource]:
    """Return the practice itself, its places, and the payers."""
    timezone = [{"url": TIMEZONE, "valueCode": HOME.zone}]
    return [
        {
            "resourceType": "Organization",
            "id": "practice",
            "identifier": [
                {"system": NPI_SYSTEM, "value": npi(99_000_001)},
                {"system": "http://hl7.org/fhir/sid/us-ein", "value": "00-0000001"},
            ],
            "active": True,
            "name": "Larkspur Counseling",
            "telecom": [{"system": "phone", "value": HOME_PHONE, "use": "work"}],
            "address": [
                {
                    "line": ["1 Juniper Street"],
                    "city": HOME.city,
                    "state": HOME.state,
                    "postalCode": "12207-0001",
                }
            ],
        },
        {
            "resourceType": "Location",
            "id": "office",
            "extension": timezone,
            "status": "active",
            "name": "Larkspur Counseling, office",
            "physicalType": concept(_PHYSICAL, "bu", "Building"),
            "managingOrganization": {"reference": "Organization/practice"},
        },
        {
            "resourceType": "Location",
            "id": "telehealth",
            "status": "active",
            "name": "Larkspur Counseling, video",
            "physicalType": concept(_PHYSICAL, "vi", "Virtual"),
            "managingOrganization": {"reference": "Organization/practice"},
        },
        *(_payer(number, name) for number, name in enumerate(PAYERS, start=1)),
    ]


_PHYSICAL = "http://terminology.hl7.org/CodeSystem/location-physical-type"
PAYERS = (
    "Evergreen Mutual Health (invented)",
    "Lakeshore Benefit Plan (invented)",
    "Statewide Care Program (invented)",
)


def _payer(number: int, name: str) -> Resource:
    return {
        "resourceType": "Organization",
        "id": f"payer-{number}",
        "identifier": [{"system": "https://chartside.dev/fhir/sandbox/payer", "value": f"PAYER{number:03d}"}],
        "active": True,
        "type": [concept("http://terminology.hl7.org/CodeSystem/organization-type", "pay")],
        "name": name,
    }
