"""``chartside demo``: an EHR, an SMS gateway and a mail server on this machine, a host with every plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chartside.clock import Clock, FrozenClock, SystemClock
from chartside.config import load
from chartside.host import Host
from chartside.messaging.gateway import Gateway
from chartside.messaging.mailbox import Mailbox
from chartside.sandbox import Client, Sandbox
from chartside.smart.keys import KeyStore

PLUGINS = {
    "consent": "",
    "scheduling": "",
    "billing": "",
    "transcription": 'signers = ["Practitioner/clinician-001"]\n',
}
"""Name and further keys of each ``[plugins.*]`` table."""

CLIENT_ID = "chartside-demo"

CONFIG = """\
# Written by `chartside demo`. Nobody in this practice exists.
[practice]
id = "larkspur"
name = "Larkspur Counseling"
phone = "+1 518 555 0100"
time_zone = "America/New_York"
state = "NY"

[ehr]
base_url = "{ehr}"
requests_per_second = 1000

[ehr.auth]
client_id = "{client_id}"

[outbound.local-gateway]
kind = "sms"
address = "{gateway}"
local = true
data_classes = ["contact", "appointment"]

[channels.sms]
type = "gateway"
recipient = "local-gateway"
url = "{gateway}"

[outbound.local-mail]
kind = "email"
address = "smtp://127.0.0.1:{mail}"
local = true
data_classes = ["contact", "appointment"]

[channels.email]
type = "smtp"
recipient = "local-mail"
host = "127.0.0.1"
port = {mail}
security = "none"
sender = "visits@larkspur.example"
sender_name = "Larkspur Counseling"

[outbound.made-up-clearinghouse]
kind = "clearinghouse"
address = "localhost"
local = true
data_classes = ["claim"]

"""


CLEARINGHOUSE = """\
[plugins.billing.clearinghouse]
type = "local"
recipient = "made-up-clearinghouse"
folder = "clearinghouse"
send = true
submitter_id = "LARKSPUR"
receiver_id = "MADEUP"
receiver_name = "MADE-UP CLEARINGHOUSE"
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a plugin's ``chartside_demo`` may use.

    ``say`` prints a line, ``table(columns, rows, title)`` a table; ``folder`` takes files that the user may open
    afterwards; ``host.run`` runs a job. Ids may be shown, and the names of an invented practice.
    """

    folder: Path
    host: Host
    gateway: Gateway
    mailbox: Mailbox
    say: Callable[[str], None]
    table: Callable[[Sequence[str], Sequence[Sequence[str]], str], None]


@dataclass(frozen=True, slots=True)
class World:
    """A running demo: URLs, the config file, and the host on it."""

    ehr: str
    gateway_url: str
    gateway: Gateway
    mailbox: Mailbox
    config: Path
    host: Host


@contextmanager
def world(
    folder: Path, *, clients: int = 200, live: bool = False, ports: tuple[int, int] = (0, 0)
) -> Iterator[World]:
    """Start everything on 127.0.0.1; a second start in the same folder finds its EHR as it was.

    Unless ``live``, the clock stands at 16:00 UTC of today, so that the demo shows the same at night: it is 11:00
    in New York and 08:00 in Los Angeles, where it is too early to send.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clock = _clock(live=live)
    keys = KeyStore(folder / "keys", clock)
    if not keys.keys("ES384"):
        keys.generate("ES384")
    client = Client(CLIENT_ID, keys.jwks("ES384"), "system/*.cruds")
    sandbox = Sandbox(path=str(folder / "ehr.db"), clock=clock, clients=[client])
    if not sandbox.store.history("Organization"):
        sandbox.load_practice(clients=clients)
    (folder / "mails").mkdir(exist_ok=True)  # to be looked into also before the first mail
    gateway, mailbox = Gateway(file=folder / "gateway.log"), Mailbox(folder / "mails")
    with ExitStack() as stack:
        stack.callback(sandbox.close)
        ehr = stack.enter_context(sandbox.running(port=ports[0]))
        gateway_url = stack.enter_context(gateway.running(port=ports[1]))
        mail = stack.enter_context(mailbox.running())
        config = folder / "chartside.toml"
        tables = "".join(f"[plugins.{name}]\nenabled = true\n{more}\n" for name, more in PLUGINS.items())
        text = CONFIG.format(ehr=ehr, gateway=gateway_url, mail=mail, client_id=CLIENT_ID)
        config.write_text(text + tables + CLEARINGHOUSE, "utf-8")
        host = stack.enter_context(Host(load(config), clock=clock))
        yield World(ehr, gateway_url, gateway, mailbox, config, host)


def _clock(*, live: bool) -> Clock:
    if live:
        return SystemClock()
    today = datetime.now(UTC).replace(hour=16, minute=0, second=0, microsecond=0)
    weekend = today.weekday() - 4 if today.weekday() > 4 else 0
    return FrozenClock(today - timedelta(days=weekend))
