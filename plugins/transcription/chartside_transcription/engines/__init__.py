"""Speech recognition engines: plug-ins of this plug-in (T-13).

A complete engine, in a package of its own::

    # my_engine/__init__.py
    from chartside_transcription.engines import Engine, Heard, engine_impl

    class MyEngine(Engine):
        name = "mine"

        def hear(self, samples, options):
            text = my_recogniser(samples)          # 16 kHz, mono, 16 bit, at most 30 s
            return Heard.of_text(text, len(samples) / 16_000)

        @property
        def model(self):
            return ("my-model", "1.0")

    class Plugin:
        @engine_impl
        def chartside_transcription_engines(self):
            return [MyEngine]

    plugin = Plugin()

with the entry point ``mine = "my_engine:plugin"`` in the group ``chartside.transcription.engines`` and
``engine = "mine"`` under ``[plugins.transcription]``. Only the engine that the config names is imported.
"""

from __future__ import annotations

from chartside_transcription.engines.base import Engine, EngineOptions, Heard, HeardWord
from chartside_transcription.engines.registry import GROUP, engine_impl, engine_spec, find_engine

__all__ = [
    "GROUP",
    "Engine",
    "EngineOptions",
    "Heard",
    "HeardWord",
    "engine_impl",
    "engine_spec",
    "find_engine",
]
