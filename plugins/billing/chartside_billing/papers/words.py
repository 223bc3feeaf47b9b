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
        "place": "Place (POS)",
        "units": "Units",
        "charge": "Charge",
        "insurance_part": "Insurance and contract",
        "your_part": "Your part",
        "paid": "Paid",
        "how_to_pay": "How to pay",
        "name": "Name",
        "frequency": "How often",
        "expected_total": "Total expected charges",
        "dispute": "Your right to dispute a bill",
        "d_talk": "You may also talk with us first. You can ask us to change the bill to match this estimate, to agree on a price, or to tell you if you can get help with the cost.",
        "total": "Total",
        "balance": "Left to pay",
        "provider": "Provider",
        "credential": "Credential",
        "state": "State",
        "location": "Location",
        "signature": "Signature of the provider",
        "no_write_off": "You do not owe what our contract with your insurer takes off. We do not bill you for it.",
        "superbill_note": "You can send this to your insurer. We have not sent a claim for you, and we cannot promise that your insurer will pay.",
        "primary": "Main service",
        "scheduled": "Scheduled for",
        "not_scheduled": "Not scheduled yet",
        "expected": "Expected charges",
        "by_provider": "Expected items and services of",
        "separate": "Services you need to schedule separately",
        "none": "None expected.",
        "separate_note": "Each service in this list needs its own appointment. We will give you a separate Good Faith Estimate for it when you schedule it or when you ask. That estimate will show the diagnosis codes, service codes, charges and providers, so this list does not. To get one, call or write to the practice named above.",
        "period": "This estimate covers",
        "to": "to",
        "rights": "What you should know",
        "d_more": "We may recommend other items or services as part of your care. You would schedule or ask for them separately. They are not in this estimate.",
        "d_only": "This is only an estimate. It shows the items and services that we reasonably expect today. The actual items, services or charges may differ.",
        "d_dispute": "Is your bill at least $400 more than this estimate shows for a provider or facility? Then you have the right to start a patient-provider dispute with the U.S. Department of Health and Human Services. You must start it within 120 calendar days (about 4 months) of the date on the first bill.",
        "d_how": "To learn how to start a dispute, and what it costs, go to www.cms.gov/nosurprises/consumers or call 1-800-985-3059. Keep a copy of this estimate. You may need it if your bill is higher.",
        "d_quality": "A dispute will not harm the quality of the care that you get.",
        "d_contract": "This estimate is not a contract. You do not have to get these items or services from any provider or facility named in it.",
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
        "place": "Lugar (POS)",
        "units": "Unidades",
        "charge": "Cargo",
        "insurance_part": "Seguro y contrato",
        "your_part": "Su parte",
        "paid": "Pagado",
        "how_to_pay": "Cómo pagar",
        "name": "Nombre",
        "frequency": "Con qué frecuencia",
        "expected_total": "Total de cargos previstos",
        "dispute": "Su derecho a disputar una factura",
        "d_talk": "También puede hablar antes con nosotros. Puede pedirnos que cambiemos la factura para que coincida con esta estimación, que acordemos un precio o que le digamos si hay ayuda para pagar.",
        "total": "Total",
        "balance": "Por pagar",
        "provider": "Profesional",
        "credential": "Título",
        "state": "Estado",
        "location": "Ubicación",
        "signature": "Firma del profesional",
        "no_write_off": "Usted no debe lo que descuenta nuestro contrato con su seguro. No se lo cobramos.",
        "superbill_note": "Puede enviar este comprobante a su seguro. No hemos enviado una reclamación por usted y no podemos prometer que su seguro pague.",
        "primary": "Servicio principal",
        "scheduled": "Programado para",
        "not_scheduled": "Aún sin programar",
        "expected": "Cargos previstos",
        "by_provider": "Artículos y servicios previstos de",
        "separate": "Servicios que debe programar por separado",
        "none": "No se prevé ninguno.",
        "separate_note": "Cada servicio de esta lista necesita su propia cita. Le daremos una estimación de buena fe aparte cuando lo programe o cuando usted la pida. Esa estimación mostrará los códigos de diagnóstico y de servicio, los cargos y los profesionales; por eso no están en esta lista. Para obtenerla, llame o escriba al consultorio indicado arriba.",
        "period": "Esta estimación cubre",
        "to": "a",
        "rights": "Lo que debe saber",
        "d_more": "Podemos recomendarle otros artículos o servicios como parte de su atención. Usted los programaría o los pediría por separado. No están en esta estimación.",
        "d_only": "Esto es solo una estimación. Muestra los artículos y servicios que hoy es razonable prever. Los artículos, servicios o cargos reales pueden ser distintos.",
        "d_dispute": "¿Su factura es al menos $400 más alta que lo que muestra esta estimación para un profesional o centro? Entonces usted tiene derecho a iniciar una disputa entre paciente y profesional ante el Departamento de Salud y Servicios Humanos de los EE. UU. Debe iniciarla dentro de los 120 días calendario (unos 4 meses) desde la fecha de la primera factura.",
        "d_how": "Para saber cómo iniciar una disputa, y cuánto cuesta, visite www.cms.gov/nosurprises/consumers o llame al 1-800-985-3059. Guarde una copia de esta estimación. Puede necesitarla si su factura es más alta.",
        "d_quality": "Una disputa no afectará la calidad de la atención que usted recibe.",
        "d_contract": "Esta estimación no es un contrato. Usted no tiene que recibir estos artículos o servicios de ningún profesional o centro que se nombre en ella.",
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
