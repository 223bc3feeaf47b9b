"""What a taxonomy code (NUCC) tells of a clinician."""

from __future__ import annotations

MFT_MHC = frozenset({"106H00000X", "101YM0800X", "101YP2500X"})
STUDENT = "390200000X"
PRESCRIBING_PSYCHOLOGIST = "103TP0016X"


def is_physician(taxonomy: str) -> bool:
    """An MD or DO: the allopathic and osteopathic group of NUCC."""
    return taxonomy.startswith("20")


def is_prescriber(taxonomy: str) -> bool:
    """Physician, NP, CNS, PA or nurse midwife."""
    return is_physician(taxonomy) or taxonomy.startswith(("363", "364S", "367A", "367H"))


def is_psychologist(taxonomy: str) -> bool:
    """Psychologist or neuropsychologist."""
    return taxonomy.startswith(("103T", "103G"))


def is_social_worker(taxonomy: str) -> bool:
    """Any kind of social worker."""
    return taxonomy.startswith("1041")


def is_therapist(taxonomy: str) -> bool:
    """A behavioural clinician who does not prescribe."""
    return (
        is_psychologist(taxonomy)
        or is_social_worker(taxonomy)
        or taxonomy.startswith(("101Y", "106", "103K", "102"))
    )
