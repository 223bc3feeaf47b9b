"""Where a client may go: its own origin, and nowhere else unless allow-listed (S-13).

A server's answer is full of URLs: next links, references, attachments, redirects, ``Location``. Each may lead
the client, with its token, to somebody else or into the practice's own network. The rule: the scheme, host and
port of the configured base; a downgrade to http counts as another origin; an allow-listed other origin is
asked without the token, and never at a private, link-local, metadata or mapped address.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

from chartside.errors import OriginRefused

_PORTS = {"http": 80, "https": 443}
# urljoin and requests disagree about these, and every disagreement is somebody's attack.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")

Origin = tuple[str, str, int]


def origin_of(url: str) -> Origin:
    """Scheme, host and port. Raises ValueError where the URL is not plainly http(s)."""
    if _FORBIDDEN.search(url):
        raise ValueError("characters that no URL holds")
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("not http or https")
    if parts.username is not None or parts.password is not None:
        raise ValueError("credentials in the URL")
    host = parts.hostname.rstrip(".").encode("idna").decode("ascii") if parts.hostname else ""
    return parts.scheme, host, parts.port or _PORTS[parts.scheme]


class Origins:
    """The base's own origin, and those that the practice allow-listed."""

    def __init__(self, base_url: str, allowed: Iterable[str] = ()) -> None:
        self.base = base_url.rstrip("/") + "/"
        self.own = origin_of(self.base)
        self._allowed = {origin_of(url) for url in allowed}

    def resolve(self, link: str, relative_to: str = "") -> str:
        """A link as an absolute URL of the base's own origin. Raises OriginRefused for any other."""
        url = self._join(link, relative_to)
        self._require(url, {self.own})
        return url

    def resolve_any(self, link: str) -> tuple[str, bool]:
        """The same for attachments: also allow-listed origins. The flag says whether the token may go along."""
        url = self._join(link, "")
        self._require(url, {self.own, *self._allowed})
        return url, origin_of(url) == self.own

    def reference(self, url: str) -> str:
        """A reference as ``Type/id[/_history/version]`` of this server. Raises OriginRefused for any other."""
        absolute = self.resolve(url)
        if not absolute.startswith(self.base):
            raise OriginRefused("a reference leads outside the server's base")
        return re.split("[?#]", absolute[len(self.base) :])[0].strip("/")

    def _join(self, link: str, relative_to: str) -> str:
        if not link or _FORBIDDEN.search(link):
            raise OriginRefused("a link holds characters that no URL holds")
        try:
            parts = urlsplit(link)
            joined = urljoin(relative_to or self.base, link)
        except ValueError:
            raise OriginRefused("a link is no plain http(s) URL") from None
        if link.startswith("///") or (parts.scheme and not parts.netloc):
            raise OriginRefused("a link names no host where one belongs")  # parsers differ about such ones
        return joined

    def _require(self, url: str, allowed: set[Origin]) -> None:
        try:
            origin = origin_of(url)
        except (ValueError, UnicodeError):
            raise OriginRefused("a link is no plain http(s) URL") from None
        if origin in allowed:
            return
        if origin[1] == self.own[1] and origin[0] == "http" and self.own[0] == "https":
            raise OriginRefused(
                "a link of the server falls back from https to http",
                mend="the server stands behind a proxy that does not tell it so: have its public base URL set",
            )
        raise OriginRefused("a link leads to another origin")


def check_address(address: str) -> None:
    """Raise OriginRefused unless ``address`` (of a socket's peer) is a public one."""
    try:
        ip = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        raise OriginRefused("an address that is none") from None
    if any(_private(each) for each in _embedded(ip)):
        raise OriginRefused("a private, local or metadata address")


def _private(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return not ip.is_global or ip.is_multicast or ip.is_reserved


def _embedded(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The address and the IPv4 addresses that tunnels hide in it (mapped, 6to4, Teredo, NAT64)."""
    found = [ip]
    if isinstance(ip, ipaddress.IPv6Address):
        found += [inner for inner in (ip.ipv4_mapped, ip.sixtofour) if inner]
        found += list(ip.teredo or ())
        if ip in _NAT64 or ip in _NAT64_LOCAL:
            found.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        if ip.ipv4_mapped or ip in _NAT64:
            found.remove(ip)  # never "global" themselves; what they hide decides
    return found
