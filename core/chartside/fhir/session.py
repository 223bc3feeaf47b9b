"""The ``requests`` session of one FHIR client."""

from __future__ import annotations

from requests.adapters import BaseAdapter

from chartside.network import Session


def new_session(*, pool: int, user_agent: str, adapter: BaseAdapter | None = None) -> Session:
    """A session for one server. ``adapter`` replaces the network (tests); ``pool`` connections are kept alive."""
    session = Session(pool=pool, adapter=adapter)
    session.headers.clear()
    session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "gzip", "Connection": "keep-alive"})
    return session
