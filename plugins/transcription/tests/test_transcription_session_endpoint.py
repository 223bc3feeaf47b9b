"""T-13, S-18: the OpenAI-compatible endpoint against a real server; nothing leaves without the registry's word."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import socket
import textwrap
import threading
import time
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from chartside.clock import FrozenClock
from chartside.errors import ConfigError, OutboundRefused, PluginError
from chartside.testing.ehr import running_ehr
from chartside.testing.hosts import host_for
from chartside.testing.plugin import NOW
from chartside_transcription import engines
from chartside_transcription.engines import EngineOptions, find_engine
from chartside_transcription.engines.registry import find_drafter
from chartside_transcription.service import make_engine

SOUND = np.zeros(16_000 * 3, np.int16)
TOKEN = "secret-of-the-asr-server"
TABLE = {"enabled": True, "engine": "openai-endpoint", "recipient": "asr", "endpoint_token": TOKEN}


@pytest.fixture(scope="module")
def ehr():
    with running_ehr(FrozenClock(NOW), {"clients": 1}) as found:
        yield found


@pytest.fixture
def engine(ehr, asr_server):
    asr = asr_server
    asr.answer = lambda: JSONResponse(asr.verbose())
    asr.seen.clear()
    with opened(ehr, asr.url) as found:
        yield found


BOMB = gzip.compress(b'{"text": "' + b" " * (8 << 20) + b'"}')


class opened:
    """The engine of a host whose registry holds this entry."""

    def __init__(self, ehr, url, more=None, **entry):
        registered = {"kind": "asr", "address": url, "local": True, "data_classes": ["audio"], **entry}
        outbound = {"asr": {key: value for key, value in registered.items() if value is not None}}
        self.host = host_for(
            ehr, FrozenClock(NOW), plugins={"transcription": {**TABLE, **(more or {})}}, outbound=outbound
        )

    def __enter__(self):
        return make_engine(self.host.__enter__().context("transcription"))

    def __exit__(self, *error):
        return self.host.__exit__(*error)


def test_a_piece_is_sent_as_the_form_says_and_read_back(engine, asr_server):
    """T-13: a WAV of the piece, the model, hotwords as the prompt, the token; words with their times come back."""
    heard = engine.hear(SOUND, EngineOptions(("sertraline", "Alvarez")))
    assert " ".join(word.text for word in heard.words) == "I have been sleeping six hours a night."
    assert [word.start for word in heard.words] == sorted(word.start for word in heard.words)
    [seen] = asr_server.seen
    assert seen["authorization"] == f"Bearer {TOKEN}"
    assert seen["model"] == [b"whisper-1"]
    assert seen["prompt"] == [b"sertraline, Alvarez"]
    assert seen["timestamp_granularities[]"] == [b"word", b"segment"]
    assert seen["file"][0][:4] == b"RIFF"
    assert len(seen["file"][0]) == 44 + SOUND.nbytes


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "sms"},
        {"data_classes": ["transcript"]},
        {
            "local": None,
            "address": "https://asr.example.org",
            "baa_date": "2025-01-01",
            "expires": "2025-06-01",
        },
        {
            "local": None,
            "address": "https://asr.example.org",
            "baa_date": "2027-01-01",
            "expires": "2027-06-01",
        },
    ],
    ids=["another kind", "no audio", "agreement over", "agreement not begun"],
)
def test_without_the_registrys_word_nothing_leaves(ehr, asr_server, entry):
    """S-18: no entry of the kind, not this class of data, no agreement in force: no byte is sent."""
    from datetime import date

    dated = {k: date.fromisoformat(v) if k in ("baa_date", "expires") else v for k, v in entry.items()}
    asr_server.seen.clear()
    with opened(ehr, asr_server.url, **dated) as engine, pytest.raises(OutboundRefused) as told:
        engine.hear(SOUND, EngineOptions())
    assert "'asr'" in str(told.value)
    assert asr_server.seen == []


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Response("<html>", 200),
        lambda: Response("[]", 200),
        lambda: Response(status_code=500),
        lambda: Response(status_code=401),
        lambda: RedirectResponse("http://127.0.0.1:9/elsewhere", 307),
        lambda: Response(b"{" + b" " * (5 << 20), 200),
        lambda: Response(b"\xff\xfe", 200),
        lambda: Response(BOMB, 200, {"Content-Encoding": "gzip"}),
        lambda: Response(b"[" * 500_000, 200),
    ],
    ids=["html", "list", "500", "401", "redirect", "5 MB", "bytes", "gzip", "deep"],
)
def test_an_answer_that_is_none(engine, asr_server, answer):
    """T-13: told as a PluginError without content; a redirect is not followed."""
    asr_server.answer = answer
    with pytest.raises(PluginError) as told:
        engine.hear(SOUND, EngineOptions())
    assert len(str(told.value)) < 200
    assert TOKEN not in str(told.value)


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"text": None, "words": None, "segments": None},
        {"text": 7, "words": "x", "segments": 3},
        {"words": [1, None, {"word": 3}, {"word": " "}, {"word": "a", "start": "x", "end": None}]},
        {
            "text": "hello",
            "words": [{"word": "hello", "start": -7, "end": 1e300, "probability": -5}],
        },
        {"text": "hello", "segments": [{"no_speech_prob": "x", "avg_logprob": True}, 3]},
    ],
    ids=str,
)
def test_an_odd_answer_does_no_harm(engine, asr_server, odd):
    """A server's nonsense becomes words within the piece, or none."""
    asr_server.answer = lambda: Response(json.dumps(odd), media_type="application/json")
    heard = engine.hear(SOUND, EngineOptions())
    assert all(0 <= word.start <= word.end <= 3.0 for word in heard.words)
    assert all(0 <= word.probability <= 1 for word in heard.words)


def test_a_server_hides_nothing_in_a_word(engine, asr_server):
    """Control and bidirectional characters are taken out of words and of a text without words."""
    for odd in ({"words": [{"word": " \u202eno\u202c\x07"}, {"word": "\u2066"}]}, {"text": "\u202eno\x00 "}):
        asr_server.answer = lambda odd=odd: Response(json.dumps(odd), media_type="application/json")
        assert [word.text for word in engine.hear(SOUND, EngineOptions()).words] == ["no"]


def test_sound_takes_no_way_that_the_environment_names(engine, asr_server, monkeypatch):
    """S-18: a proxy of the environment is not the registered recipient."""
    asr_server.answer = lambda: Response(WHOLE, media_type="application/json")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    assert [word.text for word in engine.hear(SOUND, EngineOptions()).words] == ["I", "slept."]


def test_a_server_that_does_not_answer(ehr):
    """T-13: told, and not waited for without end."""
    with opened(ehr, "http://127.0.0.1:9") as engine, pytest.raises(PluginError, match="does not answer"):
        engine.hear(SOUND, EngineOptions())


WHOLE = json.dumps({"text": "I slept."}).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(WHOLE)


def _drip(peer: socket.socket, first: bytes, drops: bytes) -> None:
    """Take all that is sent; answer ``first`` at once, and then these drops again and again until nobody listens."""
    threading.Thread(target=_swallow, args=(peer,), daemon=True).start()
    peer.sendall(first)
    for drop in itertools.cycle(drops):
        time.sleep(0.02)
        peer.sendall(bytes([drop]))


def _swallow(peer: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while peer.recv(1 << 16):
            pass


def _stall(peer: socket.socket, first: bytes) -> None:
    """Answer ``first``, and then nothing; what is sent is not taken."""
    peer.sendall(first)
    threading.Event().wait(60)


SLOW = {
    "a head without end": lambda peer: _drip(peer, b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
    "a line without end": lambda peer: _drip(peer, b"HTTP/1.1 200 OK\r\nx: ", b"y"),
    "an interim answer without end": lambda peer: _drip(peer, b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body without end": lambda peer: _drip(peer, b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    "a body that never comes": lambda peer: _stall(peer, HEAD + b"\r\n" + WHOLE[:5]),
    "an upload that is not taken": lambda peer: _stall(peer, b""),
}


class slow_server:
    """One connection is accepted on this machine and treated so."""

    def __init__(self, treat):
        self.treat = treat
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def _serve(self):
        with contextlib.suppress(OSError):
            peer, _ = self.listener.accept()
            with peer:
                self.treat(peer)

    def __exit__(self, *error):
        self.listener.close()


@pytest.mark.slow
@pytest.mark.parametrize("treat", SLOW.values(), ids=SLOW)
def test_a_server_that_drips_is_cut_off(ehr, treat):
    """T-13: it would hold the recording for ever, for each byte comes in time; the whole answer has a limit."""
    with (
        slow_server(treat) as url,
        opened(ehr, url, {"endpoint_seconds": 0.2}) as engine,
        pytest.raises(PluginError, match=r"took more than|does not answer"),
    ):
        engine.hear(SOUND, EngineOptions())


def test_the_limit_grows_with_the_piece(engine, asr_server, monkeypatch):
    """T-13: half a minute of sound may take longer than three seconds of it."""
    from chartside_transcription.engines import endpoint

    asked = []
    monkeypatch.setattr(
        endpoint, "post", lambda url, seconds, **more: (200, WHOLE) if not asked.append(seconds) else None
    )
    for seconds in (3, 30):
        engine.hear(np.zeros(16_000 * seconds, np.int16), EngineOptions())
    assert asked == [42.0, 150.0]


def test_engines_are_plug_ins_imported_only_when_named(monkeypatch):
    """T-13: another package's engine by its entry point; a second one of a name is refused; a broken one told."""
    entry = EntryPoint("mine", "asr_plugin_for_the_test:plugin", engines.GROUP)
    names = find_engine("whisper", entries=[entry])  # its module does not exist, and nobody looks
    assert names.name == "whisper"
    with pytest.raises(PluginError, match="cannot be loaded"):
        find_engine("mine", entries=[entry])
    with pytest.raises(ConfigError, match="choose one of: mine, openai-endpoint, whisper"):
        find_engine("other", entries=[entry])

    class Mine(engines.Engine):
        name = "mine"

    class Plugin:
        @engines.engine_impl
        def chartside_transcription_engines(self):
            return [Mine]

    import sys
    import types

    module = types.ModuleType("asr_plugin_for_the_test")
    module.plugin = Plugin()
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert find_engine("mine", entries=[entry]) is Mine
    Mine.name = "whisper"
    with pytest.raises(PluginError, match="two engines"):
        find_engine("whisper", entries=[EntryPoint("whisper", entry.value, entry.group)])


def test_drafters_are_plug_ins_too():
    """T-8: the one that comes with it registers through the same hook as anybody's."""
    assert find_drafter("rules").name == "rules"
    with pytest.raises(ConfigError, match="no drafter"):
        find_drafter("oracle")


def example(doc: str) -> str:
    """The indented code of a docstring."""
    lines = doc.splitlines()
    code = [line for line in lines if line.startswith("    ") or not line.strip()]
    return textwrap.dedent("\n".join(code))


def test_the_example_engine_of_the_docstring_works():
    """T-13: what the package tells an author is true."""
    space = {"my_recogniser": lambda samples: "I slept six hours."}
    exec(compile(example(engines.__doc__), "<engines>", "exec"), space)
    [found] = space["plugin"].chartside_transcription_engines()
    assert found.name == "mine"
    assert [w.text for w in found(None).hear(SOUND, EngineOptions()).words] == ["I", "slept", "six", "hours."]
    assert found(None).model == ("my-model", "1.0")


def test_the_example_drafter_of_the_docstring_works():
    """T-8: the check lets stand what it proposes for words 12 to 18 of such a transcript."""
    from chartside_transcription.draft import load_template, make_draft, model
    from chartside_transcription.typed import typed

    space: dict[str, object] = {}
    exec(compile(example(model.__doc__), "<drafter>", "exec"), space)
    talk = "Clinician: " + "word " * 12 + "\nClient: I sleep about five hours a night."
    draft = make_draft(typed(talk.encode()), load_template("dap"), space["MyDrafter"]())
    assert [s.text for s in draft.sections[0].sentences] == ["Client sleeps about five hours a night."]
    assert draft.dropped == {}
