"""The ``requests`` session of one client: pooled, without cookies, netrc or proxies taken from the environment."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import BaseAdapter

from chartside.deadline import Punctual


def new_session(*, pool: int, user_agent: str, adapter: BaseAdapter | None = None) -> requests.Session:
    """A session for one server. ``adapter`` replaces the network (tests); ``pool`` connections are kept alive.

    ``trust_env`` is off: a ``.netrc`` would replace the bearer token, and a proxy from the environment would
    see PHI without the practice having said so. Cookies are refused: they would tie the threads together.
    """
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "gzip", "Connection": "keep-alive"})
    network = adapter or Punctual(pool_connections=2, pool_maxsize=pool, max_retries=0)
    session.mount("https://", network)
    session.mount("http://", network)
    return session
