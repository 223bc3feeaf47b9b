# ruff: noqa: E501 - whole sentences stand on their lines
"""The words on the papers, in English and Spanish. Codes stand as numbers: descriptors come from the
practice's EHR."""

from __future__ import annotations

from datetime import date

LANGUAGES = {"en": "en-US", "es": "es-US"}

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "invoice": "Invoice",
        "superbill": "Superbill (statement for insurance)",
        "estimate": "Good Faith Estimate for health care items and services",
        "number": "Number",
        "date": "Date",
        "due": "Please pay by",
        "practice": "Practice",
        "address": "Address",
        "phone": "Telephone",
        "npi": "NPI",
        "tin": "Tax number (TIN)",
        "client": "Client",
        "born": "Date of birth",
        "insurer": "Insurer",
        "member": "Member number",
        "services": "Services",
        "service": "Service",
        "code": "Code",
        "diagnosis": "Diagnosis",
        "diagnoses": "Diagnosis codes (ICD-10-CM)",
        "place": "Place",
        "units": "Units",
        "charge": "Charge",
        "insurance_part": "Insurance and contract",
        "your_part": "Your part",
        "paid": "Paid",
        "total": "Total",
        "balance": "Left to pay",
        "provider": "Provider",
        "credential": "Credential",
        "state": "State",
        "location": "Location",
        "signature": "Signature",
        "no_write_off": "Amounts that our contract with your insurer takes off are not billed to you.",
        "superbill_note": "You can hand this in to your insurer. It is not a claim sent by us, and no promise that it is paid.",
        "primary": "Main service",
        "scheduled": "Scheduled for",
        "not_scheduled": "Not scheduled yet",
        "expected": "Expected charges",
        "by_provider": "Expected items and services of",
        "separate": "Services that must be scheduled separately",
        "none": "None expected.",
        "separate_note": (
            "These need an appointment of their own. A separate Good Faith Estimate is given for each when it is "
            "scheduled or when you ask; providers and charges may be found there."
        ),
        "period": "This estimate covers",
        "to": "to",
        "rights": "What you should know",
        "d_more": (
            "There may be further items or services that we recommend as part of your care, which must be scheduled or "
            "asked for separately and are not in this estimate."
        ),
        "d_only": (
            "This is only an estimate of items and services reasonably expected when it was given. What is furnished and "
            "charged can differ from it."
        ),
        "d_dispute": (
            "If you are billed $400 or more above this estimate for a provider, you may start the patient-provider "
            "dispute resolution process with the U.S. Department of Health and Human Services within 120 days of the date "
            "on the first bill. You may also ask us to update the bill or to discuss it."
        ),
        "d_how": "How to start, and its fee: www.cms.gov/nosurprises or 1-800-985-3059. Keep this estimate.",
        "d_quality": "Starting a dispute will not adversely affect the quality of the care that you are given.",
        "d_contract": (
            "This estimate is not a contract. It does not oblige you to obtain the items or services from any provider "
            "named in it."
        ),
    },
    "es": {
        "invoice": "Factura",
        "superbill": "Comprobante detallado (para el seguro)",
        "estimate": "Estimación de buena fe de artículos y servicios de salud",
        "number": "Número",
        "date": "Fecha",
        "due": "Pague, por favor, antes del",
        "practice": "Consultorio",
        "address": "Dirección",
        "phone": "Teléfono",
        "npi": "NPI",
        "tin": "Número fiscal (TIN)",
        "client": "Cliente",
        "born": "Fecha de nacimiento",
        "insurer": "Seguro",
        "member": "Número de afiliado",
        "services": "Servicios",
        "service": "Servicio",
        "code": "Código",
        "diagnosis": "Diagnóstico",
        "diagnoses": "Códigos de diagnóstico (ICD-10-CM)",
        "place": "Lugar",
        "units": "Unidades",
        "charge": "Cargo",
        "insurance_part": "Seguro y contrato",
        "your_part": "Su parte",
        "paid": "Pagado",
        "total": "Total",
        "balance": "Por pagar",
        "provider": "Profesional",
        "credential": "Título",
        "state": "Estado",
        "location": "Ubicación",
        "signature": "Firma",
        "no_write_off": "Lo que nuestro contrato con su seguro descuenta no se le cobra a usted.",
        "superbill_note": "Puede presentarlo a su seguro. No es una reclamación enviada por nosotros ni promete un pago.",
        "primary": "Servicio principal",
        "scheduled": "Programado para",
        "not_scheduled": "Aún sin programar",
        "expected": "Cargos previstos",
        "by_provider": "Artículos y servicios previstos de",
        "separate": "Servicios que se deben programar por separado",
        "none": "No se prevé ninguno.",
        "separate_note": (
            "Estos requieren su propia cita. Para cada uno se da una estimación de buena fe aparte cuando se programa o "
            "cuando usted la pide; allí constan los profesionales y los cargos."
        ),
        "period": "Esta estimación cubre",
        "to": "a",
        "rights": "Lo que debe saber",
        "d_more": (
            "Puede haber otros artículos o servicios que recomendemos como parte de su atención, que se deben programar o "
            "pedir por separado y que no están en esta estimación."
        ),
        "d_only": (
            "Esto es solo una estimación de lo que razonablemente se preveía al darla. Lo que se preste y se cobre puede "
            "ser distinto."
        ),
        "d_dispute": (
            "Si se le cobran $400 o más por encima de esta estimación por un profesional, puede iniciar el proceso de "
            "resolución de disputas entre paciente y profesional ante el Departamento de Salud y Servicios Humanos de los "
            "EE. UU. dentro de los 120 días desde la fecha de la primera factura. También puede pedirnos que la "
            "corrijamos o hablarla con nosotros."
        ),
        "d_how": "Cómo iniciarlo y su costo: www.cms.gov/nosurprises o 1-800-985-3059. Guarde esta estimación.",
        "d_quality": "Iniciar una disputa no perjudica la calidad de la atención que recibe.",
        "d_contract": (
            "Esta estimación no es un contrato. No le obliga a obtener los artículos o servicios de ninguno de los "
            "profesionales que nombra."
        ),
    },
}


def words(language: str) -> dict[str, str]:
    """The words of a language; English where we have none."""
    return WORDS.get(language[:2], WORDS["en"])


def tag(language: str) -> str:
    """The BCP 47 tag."""
    return LANGUAGES.get(language[:2], LANGUAGES["en"])


_MONTHS = {
    "en": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    "es": "ene feb mar abr may jun jul ago sep oct nov dic",
}


def show_day(day: date | None, language: str) -> str:
    """``Nov 4, 2026``, in Spanish ``4 nov 2026``: the month as a word, for 11/4 is read in two ways. Empty for None."""
    if day is None:
        return ""
    spanish = language[:2] == "es"
    month = _MONTHS["es" if spanish else "en"].split()[day.month - 1]
    return f"{day.day} {month} {day.year}" if spanish else f"{month} {day.day}, {day.year}"
