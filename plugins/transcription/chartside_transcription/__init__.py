"""Transcription assistant: from sound to a signed note, offline."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from chartside import hookimpl

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from chartside.context import Context
    from chartside.demo import Stage


class Plugin:
    """What the host calls."""

    @hookimpl
    def chartside_routes(self, context: Context) -> Iterable[BaseRoute]:
        """Upload and review, for the practitioners that the config names as reviewers."""
        tokens = {who: token.get_secret_value() for who, token in context.settings.reviewers.items()}
        if not tokens:
            return []
        from chartside_transcription.checks import require_installed

        require_installed()
        from chartside_transcription.routes import Api
        from chartside_transcription.service import Service

        return Api(Service(context), tokens).routes()

    @hookimpl
    def chartside_check(self, context: Context) -> Iterable[str]:
        """Weights missing or changed, an engine or a template that is none."""
        from chartside_transcription.checks import problems

        return problems(context.settings)

    @hookimpl
    def chartside_demo(self, context: Context, stage: Stage) -> None:
        """A short recording, its transcript, its draft with sources, signed."""
        from chartside_transcription.checks import require_installed

        require_installed()
        from chartside_transcription.demo import show

        show(context, stage)


plugin = Plugin()
