"""Every error that Chartside raises, in one tree.

::

    ChartsideError                    retryable: may the same call be tried again as it is?
    ├── ConfigError                   a key of chartside.toml: its path, what is wrong, the mend
    ├── PluginError                   a plugin that cannot be found, read, loaded, or that raised
    │   └── ManifestError             plugin.toml says something the host does not understand
    ├── InputError                    a file or text from outside that cannot be used (X12, audio, JSON ...)
    ├── GateError                     refused before anything left the host
    │   ├── UndeclaredAccess          the manifest does not declare this access
    │   ├── ConsentRefused            no consent permits it
    │   ├── PolicyRefused             the law of the place forbids it
    │   └── OutboundRefused           the recipient is not in the outbound registry
    ├── JobOverdue                    the job ran past its limit: nothing further is done for it
    ├── AuditUnavailable              the audit could not be written, so the disclosure did not happen
    ├── FhirError                     an exchange with a FHIR server
    │   ├── Unreachable               no answer: refused, cut, timed out                      (retryable)
    │   ├── ServerError               5xx                                                     (retryable)
    │   ├── RateLimited               429, or the practice's own rate budget                  (retryable)
    │   ├── CircuitOpen               the breaker of this practice is open                    (retryable)
    │   ├── Unauthorized              401
    │   ├── Forbidden                 403
    │   ├── NotFound                  404
    │   │   └── Gone                  410, the resource was deleted
    │   ├── VersionConflict           412 or 409 on an update: somebody else wrote; read again
    │   ├── MultipleMatches           412 on a conditional create, update or delete
    │   ├── Rejected                  400, 405, 422 ...: the server will not take this
    │   ├── InvalidAnswer             an answer that is no FHIR, or breaks a limit of its form
    │   ├── LimitExceeded             more bytes, depth, pages or time than allowed
    │   └── OriginRefused             a link, reference or redirect that leads to another origin
    ├── SmartError                    discovery, keys, tokens
    │   └── TokenRefused              the authorisation server said no
    └── MessageError                  a message to a person
        ├── ChannelUnavailable        nothing was sent, it can be tried again                 (retryable)
        ├── MessageRejected           the provider refused it for good
        │   └── RecipientStopped      the client opted out with the provider itself, which blocks it
        └── OutcomeUnknown            it may have been sent: ask the provider, never send again blindly

No message carries content, names, numbers or query values: only methods, resource types, statuses,
ids of requests, and keys of the config.
"""

from __future__ import annotations

from collections.abc import Sequence


class ChartsideError(Exception):
    """Root of the tree. ``mend`` says in plain words what to do about it, where that is known."""

    retryable: bool = False

    def __init__(self, message: str, *, mend: str = "") -> None:
        super().__init__(message)
        self.mend = mend

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text} -> {self.mend}" if self.mend else text


class ConfigError(ChartsideError):
    """A value in ``chartside.toml``; ``path`` is the key's dotted path."""

    def __init__(self, path: str, message: str, *, mend: str = "") -> None:
        super().__init__(f"{path}: {message}", mend=mend)
        self.path = path


class PluginError(ChartsideError):
    """A plugin cannot be found, read, loaded, or it raised."""


class ManifestError(PluginError):
    """A ``plugin.toml`` says something the host does not understand."""


class InputError(ChartsideError):
    """A file or text from outside cannot be used. The message names the place, never the content."""


class GateError(ChartsideError):
    """Refused before anything left the host."""


class UndeclaredAccess(GateError):
    """The plugin's manifest does not declare this access."""


class ConsentRefused(GateError):
    """No consent permits it."""


class PolicyRefused(GateError):
    """A rule of a policy pack forbids it."""


class OutboundRefused(GateError):
    """The recipient does not stand in the outbound registry."""


class JobOverdue(ChartsideError):
    """The job ran past its limit and was given up; its next run goes on from where it was."""


class AuditUnavailable(ChartsideError):
    """The audit could not be written, so the disclosure did not happen (S-10)."""

    retryable = True


class FhirError(ChartsideError):
    """An exchange with a FHIR server that did not give what was asked.

    ``method`` and ``resource_type`` say what was asked, ``status`` the HTTP status (0: none came),
    ``request_id`` the server's or our own id, ``issues`` the ``(severity, code)`` pairs of the
    OperationOutcome. Diagnostics are left out: servers put content into them. ``server`` says which of the
    practice's servers it was ("the EHR", "the companion server"), where the client knows.
    """

    server: str = "the server"

    def __init__(
        self,
        message: str,
        *,
        method: str = "",
        resource_type: str = "",
        status: int = 0,
        request_id: str = "",
        issues: Sequence[tuple[str, str]] = (),
        retry_after: float | None = None,
        mend: str = "",
    ) -> None:
        where = " ".join(part for part in (method, resource_type, str(status) if status else "") if part)
        codes = ",".join(code for _, code in issues)
        tail = "".join(f" [{part}]" for part in (codes, request_id) if part)
        super().__init__(f"{where}: {message}{tail}" if where else f"{message}{tail}", mend=mend)
        self.method, self.resource_type, self.status = method, resource_type, status
        self.request_id, self.issues, self.retry_after = request_id, tuple(issues), retry_after


class Unreachable(FhirError):
    """No answer came: refused, cut, timed out. A write may have happened."""

    retryable = True


class ServerError(FhirError):
    """5xx."""

    retryable = True


class RateLimited(FhirError):
    """429, or the practice's own rate budget is used up; ``retry_after`` in seconds."""

    retryable = True


class CircuitOpen(FhirError):
    """Too many failures in a row at this practice's server; nothing was sent."""

    retryable = True


class Unauthorized(FhirError):
    """401, also with a fresh token."""


class Forbidden(FhirError):
    """403: the practice has not granted this."""


class NotFound(FhirError):
    """404."""


class Gone(NotFound):
    """410: deleted."""


class VersionConflict(FhirError):
    """Somebody else wrote in between. Read again, decide again; never overwrite (S-20)."""


class MultipleMatches(FhirError):
    """A conditional interaction matched more than one resource."""


class Rejected(FhirError):
    """The server understood and will not take it (400, 405, 409 on create, 422)."""


class InvalidAnswer(FhirError):
    """The answer is no FHIR, or not the FHIR that was asked for."""


class LimitExceeded(FhirError):
    """More bytes, decompressed bytes, depth, pages or time than allowed (S-14)."""


class OriginRefused(FhirError):
    """A link, reference or redirect leads to another origin or a private address (S-13)."""


class SmartError(ChartsideError):
    """Discovery, keys or tokens."""


class TokenRefused(SmartError):
    """The authorisation server refused the token request; ``error`` is its OAuth code."""

    def __init__(self, message: str, *, error: str = "", mend: str = "") -> None:
        super().__init__(message, mend=mend)
        self.error = error


class MessageError(ChartsideError):
    """A message to a person."""


class ChannelUnavailable(MessageError):
    """Nothing was sent; it can be tried again."""

    retryable = True


class MessageRejected(MessageError):
    """The provider refused the message for good. Another channel may be tried (R-17)."""


STOPPED = "the client stopped texts at the provider"


class RecipientStopped(MessageRejected):
    """The client texted STOP to the provider, which blocks texts to them; the EHR does not know of it."""

    def __init__(self) -> None:
        mend = "record it in the EHR, too: chartside consent opt-out --patient ID --channel text"
        super().__init__(STOPPED, mend=mend)


class OutcomeUnknown(MessageError):
    """It may have been sent. Ask the provider; never send again blindly (R-10)."""
