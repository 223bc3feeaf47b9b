"""Code facts that need no import: places of service (CMS, federal), behavioural taxonomy and procedure code
numbers."""

from __future__ import annotations

PLACES: dict[str, str] = {
    "01": "Pharmacy",
    "02": "Telehealth, patient not at home",
    "03": "School",
    "04": "Homeless shelter",
    "05": "Indian Health Service free-standing facility",
    "06": "Indian Health Service provider-based facility",
    "07": "Tribal 638 free-standing facility",
    "08": "Tribal 638 provider-based facility",
    "09": "Prison or correctional facility",
    "10": "Telehealth, patient at home",
    "11": "Office",
    "12": "Home",
    "13": "Assisted living facility",
    "14": "Group home",
    "15": "Mobile unit",
    "16": "Temporary lodging",
    "17": "Walk-in retail health clinic",
    "18": "Place of employment or worksite",
    "19": "Off campus outpatient hospital",
    "20": "Urgent care facility",
    "21": "Inpatient hospital",
    "22": "On campus outpatient hospital",
    "23": "Emergency room",
    "24": "Ambulatory surgical centre",
    "25": "Birthing centre",
    "26": "Military treatment facility",
    "27": "Outreach site or street",
    "31": "Skilled nursing facility",
    "32": "Nursing facility",
    "33": "Custodial care facility",
    "34": "Hospice",
    "41": "Ambulance, land",
    "42": "Ambulance, air or water",
    "49": "Independent clinic",
    "50": "Federally qualified health centre",
    "51": "Inpatient psychiatric facility",
    "52": "Psychiatric facility, partial hospitalisation",
    "53": "Community mental health centre",
    "54": "Intermediate care facility",
    "55": "Residential substance abuse treatment facility",
    "56": "Psychiatric residential treatment centre",
    "57": "Non-residential substance abuse treatment facility",
    "58": "Non-residential opioid treatment facility",
    "60": "Mass immunisation centre",
    "61": "Comprehensive inpatient rehabilitation facility",
    "62": "Comprehensive outpatient rehabilitation facility",
    "65": "End-stage renal disease treatment facility",
    "66": "PACE centre",
    "71": "Public health clinic",
    "72": "Rural health clinic",
    "81": "Independent laboratory",
    "99": "Other place",
}
"""CMS place-of-service codes with short names in our words."""

BEHAVIORAL_TAXONOMIES: dict[str, str] = {
    "101YA0400X": "counselor, addiction",
    "101YM0800X": "counselor, mental health",
    "101YP2500X": "counselor, professional",
    "103T00000X": "psychologist",
    "103TC0700X": "psychologist, clinical",
    "103TC2200X": "psychologist, child and adolescent",
    "103K00000X": "behavior analyst",
    "104100000X": "social worker",
    "1041C0700X": "social worker, clinical",
    "106H00000X": "marriage and family therapist",
    "106S00000X": "behavior technician",
    "2084P0800X": "psychiatrist",
    "2084P0804X": "psychiatrist, child and adolescent",
    "363LP0808X": "nurse practitioner, psychiatric",
    "364SP0808X": "clinical nurse specialist, psychiatric",
}
"""Fifteen code numbers of the NUCC set, as facts; names are ours."""

_RANGES = (
    (90785, 90899),
    (96105, 96171),
    (97129, 97130),
    (97151, 97158),
    (98000, 98016),
    (98960, 98981),
    (99202, 99499),
)
_SINGLE = frozenset(["0362T", "0373T", "90901", "97535", "97537", "98975", "98978", "98979", "98986"])
_PREFIXES = (
    "G0017",
    "G0018",
    "G0071",
    "G031",
    "G032",
    "G039",
    "G040",
    "G041",
    "G044",
    "G046",
    "G051",
    "G054",
    "G055",
)
_MORE_PREFIXES = (
    "G056",
    "G2011",
    "G2012",
    "G2067",
    "G207",
    "G208",
    "G221",
    "G225",
    "H00",
    "H10",
    "H20",
    "S94",
    "T10",
)


def behavioral(code: str) -> bool:
    """Whether a behavioural-health practice may bill the code: what imports keep unless told to keep everything."""
    if code.isdigit():
        number = int(code)
        return any(low <= number <= high for low, high in _RANGES) or code in _SINGLE
    return code in _SINGLE or code.startswith(_PREFIXES + _MORE_PREFIXES)
