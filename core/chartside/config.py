"""``chartside.toml`` -> ``Config``. One file, one practice. Every error names its key's path and the mend.

A secret is never written into the file itself but pointed at: ``{ "$env" = "NAME" }`` takes it from the
environment, ``{ "$file" = "path" }`` from a file (relative to the config file), trailing newline removed.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

import phonenumbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from chartside.clock import zones
from chartside.errors import ChartsideError, ConfigError
from chartside.installed import read_toml


class ConfigErrors(ChartsideError):
    """All that is wrong with a config file, at once."""

    def __init__(self, errors: list[ConfigError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors


def is_loopback(host: str) -> bool:
    """Whether a URL's host is this machine: plain http is acceptable there, and only there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_NO_URL = re.compile(r"[\x00-\x20\x7f\\]")  # as in chartside.fhir.origin


def _url(value: str) -> str:
    whole = "is no URL; write it whole, as in https://ehr.example.org/fhir"
    try:
        parts = urlsplit(value)
        _ = parts.port, (parts.hostname or "").rstrip(".").encode("idna")  # both raise for what is none
    except ValueError:
        raise ValueError(whole) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or _NO_URL.search(value):
        raise ValueError(whole)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must hold no password, query or fragment; put credentials under auth")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must be https; plain http is allowed for this machine only")
    return value.rstrip("/")


def _zone(value: str) -> str:
    if value not in zones():
        close = difflib.get_close_matches(value, zones(), 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"is no IANA time zone such as America/Chicago{hint}")
    return value


def _state(value: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}", value):
        raise ValueError("is no state; use its two capital letters, as in IL")
    return value


def _phone(value: str) -> str:
    try:
        number = phonenumbers.parse(value, "US")
    except phonenumbers.NumberParseException:
        raise ValueError("is no telephone number; write it as +1 312 555 0142") from None
    if not phonenumbers.is_possible_number(number):
        raise ValueError("has too few or too many digits; write it as +1 312 555 0142")
    return value


def _email(value: str) -> str:
    if value and not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", value):
        raise ValueError("is no e-mail address; write it as visits@example.com")
    return value


Url = Annotated[str, AfterValidator(_url)]
Email = Annotated[str, AfterValidator(_email)]
"""Or empty."""


_NAME = "riverside (lower-case letters, digits and -)"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Practice(_Table):
    """``[practice]``: what clients read in messages, and where the practice is."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", examples=[_NAME])]
    name: Annotated[str, Field(min_length=1, max_length=40)]
    phone: Annotated[str, AfterValidator(_phone)]
    time_zone: Annotated[str, AfterValidator(_zone)]
    state: Annotated[str, AfterValidator(_state)]
    email: Email = ""


class Auth(_Table):
    """``[ehr.auth]``: SMART backend services. ``keys`` is a folder outside ``state.folder`` (S-5)."""

    client_id: Annotated[str, Field(min_length=1)]
    keys: Path = Path("keys")
    algorithm: Literal["ES384", "RS384"] = "ES384"


class Server(_Table):
    """``[ehr]`` or ``[companion]``: a FHIR R4 server. No ``auth`` means that it asks for none."""

    base_url: Url
    adapter: str = "auto"
    auth: Auth | None = None
    requests_per_second: Annotated[float, Field(gt=0, le=1000)] = 20.0


class State(_Table):
    """``[state]``: the folder for the audit trail, leases and the opaque ledger. No PHI gets there.

    ``key``: the file with the secret that the trail and the opaque ledger are keyed with; outside the folder.
    """

    folder: Path = Path("state")
    key: Path = Path("keys/host.key")


class AuditTable(_Table):
    """``[audit]``. ``singly``: write the AuditEvents of messages also to a server that takes only one in a request."""

    singly: bool = False


class PolicyTable(_Table):
    """``[policy]``: replaces the packs that are shipped; ``licence_states`` are those of the clinicians."""

    packs: tuple[Path, ...] = ()
    licence_states: tuple[Annotated[str, AfterValidator(_state)], ...] = ()


class Config(_Table):
    """The whole file. ``channels`` and ``plugins`` stay raw here: their own models check them on enabling."""

    practice: Practice
    ehr: Server
    companion: Server | None = None
    state: State = State()
    policy: PolicyTable = PolicyTable()
    audit: AuditTable = AuditTable()
    outbound: dict[str, dict[str, Any]] = Field(default_factory=dict)
    channels: dict[str, dict[str, Any]] = Field(default_factory=dict)
    messaging: dict[str, Any] = Field(default_factory=dict)
    plugins: dict[str, dict[str, Any]] = Field(default_factory=dict)
    folder: Path = Path()

    def enabled(self) -> list[str]:
        """Names of the plugins with ``enabled = true``, in the file's order."""
        return [name for name, table in self.plugins.items() if table.get("enabled") is True]

    def path(self, relative: Path) -> Path:
        """A path of the config file, resolved against the folder that the file stands in."""
        return relative if relative.is_absolute() else self.folder / relative


def load(path: Path) -> Config:
    """Read and check a config file. Raises ConfigErrors with everything that is wrong."""
    try:
        data = read_toml(path)
    except OSError as error:
        mend = "run `chartside init` to write one, or name it with --config"
        raise ConfigErrors(
            [ConfigError(str(path), f"cannot be read ({error.strerror})", mend=mend)]
        ) from None
    except ValueError as error:
        mend = "mend the line that is named; strings stand in quotes, tables in [brackets]"
        raise ConfigErrors([ConfigError(str(path), f"no valid TOML: {error}", mend=mend)]) from None
    return parse(data, path.parent.resolve())


def parse(data: dict[str, Any], folder: Path) -> Config:
    """Check config data that were read already. Raises ConfigErrors."""
    errors: list[ConfigError] = []
    resolved = _resolve(data, "", folder, errors)
    errors += _switches(resolved.get("plugins"))
    try:
        config = Config.model_validate({**resolved, "folder": folder})
    except ValidationError as error:
        raise ConfigErrors(errors + problems(error, Config)) from None
    errors += _cross_checks(config)
    if errors:
        raise ConfigErrors(errors)
    return config


def problems(error: ValidationError, model: type[BaseModel], prefix: str = "") -> list[ConfigError]:
    """A pydantic error as ConfigErrors, each with the key's path and a mend."""
    return [_problem(dict(item), model, prefix) for item in error.errors()]


_MENDS = {
    "string": 'write it in quotes, as in "text"',
    "string_too_long": "shorten it",
    "string_too_short": "write something there",
    "int": "write a whole number without quotes",
    "float": "write a number without quotes",
    "bool": "write true or false",
    "dict": "write it as a table: [table] on a line of its own, its keys below",
    "model": "write it as a table: [table] on a line of its own, its keys below",
    "tuple": 'write a list, as in ["one", "two"]',
    "list": 'write a list, as in ["one", "two"]',
    "date": "write a date without quotes, as in 2026-01-15",
    "literal": "use one of the values that are named",
    "enum": "use one of the values that are named",
    "greater": "write a number within that limit",
    "less": "write a number within that limit",
    "path": 'write a path in quotes, as in "keys/host.key"',
}
"""By pydantic's error type, or its first word: what to do."""


def _problem(item: dict[str, Any], model: type[BaseModel], prefix: str) -> ConfigError:
    # with "[key]" pydantic says that the key itself is wrong
    loc = tuple(part for part in item["loc"] if part != "[key]")
    keys, inner = _walk(model, loc)
    path = ".".join([*([prefix] if prefix else []), *keys]) or "(top)"
    if item["type"] == "extra_forbidden":
        own = {"folder"} if model is Config and len(loc) == 1 else set()  # Config's, not the file's
        known = sorted({name for m in _walk(model, loc[:-1])[1] for name in m.model_fields} - own)
        close = difflib.get_close_matches(str(loc[-1]), known, 1)
        mend = f"did you mean {close[0]!r}?" if close else f"remove it; known here: {', '.join(known)}"
        return ConfigError(path, "no such key", mend=mend)
    if item["type"] == "missing":
        return ConfigError(path, "is missing", mend=f"add [{path}]" if inner else f"add `{loc[-1]} = ...`")
    # our own validators say what is wrong; then, after a semicolon, the mend
    message, _, mend = item["msg"].removeprefix("Value error, ").partition("; ")
    kind = item["type"]
    mend = mend or _example(model, loc) or _MENDS.get(kind) or _MENDS.get(kind.partition("_")[0], "")
    if kind == "string_pattern_mismatch":
        message = "is not in the form that is wanted"
    return ConfigError(path, message, mend=mend)


def _example(model: type[BaseModel], loc: tuple[Any, ...]) -> str:
    """What a value looks like, where its field has examples."""
    key, models = (loc[-1], _walk(model, loc[:-1])[1]) if loc else ("", [])
    fields = [each.model_fields[key] for each in models if key in each.model_fields]
    shown = " or ".join(str(example) for field in fields for example in field.examples or ())
    return f"write it as in {shown}" if shown else ""


def _walk(model: type[BaseModel], loc: tuple[Any, ...]) -> tuple[list[str], list[type[BaseModel]]]:
    """The keys of a place as they are written, and the models there. Between the keys pydantic names the member of a
    union that it took, by its ``type``."""
    keys: list[str] = []
    models = [model]
    for part in loc:
        if taken := [m for m in models if len(models) > 1 and part in _tags(m)]:
            models = taken
            continue
        keys.append(str(part))
        field = next((m.model_fields[part] for m in models if part in m.model_fields), None)
        models = (
            _models(field.annotation) if field else models
        )  # else the key of a table of tables, or an index
    return keys, models


def _tags(model: type[BaseModel]) -> tuple[Any, ...]:
    return get_args(model.model_fields["type"].annotation) if "type" in model.model_fields else ()


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]


def _resolve(value: Any, path: str, folder: Path, errors: list[ConfigError]) -> Any:
    """Replace ``$env`` and ``$file`` tables by what they point at."""
    if isinstance(value, list):
        return [_resolve(item, f"{path}.{n}", folder, errors) for n, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if not any(key.startswith("$") for key in value):
        return {
            key: _resolve(item, f"{path}.{key}".lstrip("."), folder, errors) for key, item in value.items()
        }
    try:
        return _secret(value, path, folder)
    except ConfigError as error:
        errors.append(error)
        return "-"


def _secret(value: dict[str, Any], path: str, folder: Path) -> str:
    if set(value) == {"$env"}:
        found = os.environ.get(str(value["$env"]), "")
        mend = f"set the environment variable {value['$env']}"
    elif set(value) == {"$file"}:
        mend = f"write the secret into {value['$file']} (readable by this user only)"
        found = _content(folder / str(value["$file"]), path, mend)
    else:
        raise ConfigError(path, "unknown indirection", mend='use { "$env" = "NAME" } or { "$file" = "path" }')
    if not found:
        # An empty secret must never pass as one: it would let everyone in.
        raise ConfigError(path, "the secret is empty or absent", mend=mend)
    return found


def _content(file: Path, path: str, mend: str) -> str:
    """A secret's file without its last line's end; empty where there is none."""
    try:
        return file.read_text("utf-8").rstrip("\r\n") if file.is_file() else ""
    except (OSError, ValueError) as error:
        raise ConfigError(path, f"its file cannot be read ({type(error).__name__})", mend=mend) from None


def _cross_checks(config: Config) -> list[ConfigError]:
    errors = []
    state = config.path(config.state.folder).resolve()
    for name, server in (("ehr", config.ehr), ("companion", config.companion)):
        if server and server.auth and config.path(server.auth.keys).resolve().is_relative_to(state):
            mend = "keep the keys in a folder of their own, so that copying one does not copy the other"
            errors.append(ConfigError(f"{name}.auth.keys", "lies inside state.folder", mend=mend))
    if config.companion and config.companion.base_url == config.ehr.base_url:
        mend = "leave [companion] out when the EHR is the only server"
        errors.append(ConfigError("companion.base_url", "is the EHR itself", mend=mend))
    if config.companion and _one_client(config, config.ehr, config.companion):
        mend = "register Chartside there under a client id of its own, or name a folder with keys of its own"
        text = "is the EHR's, with the same keys: that server could have the EHR's tokens sent to itself"
        errors.append(ConfigError("companion.auth.client_id", text, mend=mend))
    if config.path(config.state.key).resolve().is_relative_to(state):
        mend = "keep the key in another folder, so that copying the data does not copy it, too"
        errors.append(ConfigError("state.key", "lies inside state.folder", mend=mend))
    return errors


def _one_client(config: Config, one: Server, other: Server) -> bool:
    """Each server names its own token endpoint. One that names the other's would be sent what that grants; the other
    does not grant it to a client, or a key, that it does not know (RFC 9700, 4.4: mix-up)."""
    if one.auth is None or other.auth is None or one.auth.client_id != other.auth.client_id:
        return False
    return config.path(one.auth.keys).resolve() == config.path(other.auth.keys).resolve()


def _switches(plugins: Any) -> list[ConfigError]:
    """Of the raw ``[plugins.*]``, so that a mistake elsewhere does not hide one here."""
    mend = "write `enabled = true` or `enabled = false`"
    return [
        ConfigError(f"plugins.{name}.enabled", "is missing or no true/false", mend=mend)
        for name, table in (plugins.items() if isinstance(plugins, dict) else ())
        if isinstance(table, dict) and not isinstance(table.get("enabled"), bool)
    ]
