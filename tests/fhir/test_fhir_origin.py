"""S-13: next links, references, attachments and redirects stay at the server's origin, or are refused."""

from __future__ import annotations

import pytest
from tests.fhir.conftest import FAST, Reply, bundle

from chartside import errors
from chartside.fhir import Budget, FhirClient
from chartside.fhir.origin import Origins, check_address

BASE = "https://ehr.example.org/fhir"
ALLOWED = [
    "https://ehr.example.org/fhir/Patient?page=2",
    "https://ehr.example.org:443/fhir/Patient?page=2",
    "https://EHR.example.org/fhir/Patient?page=2",
    "https://ehr.example.org./fhir?sessionID=7&page=2",
    "https://ehr.example.org/other/path?cursor=abc",
    "Patient?page=2",
    "?page=2",
    "/fhir/Patient?_getpages=1",
    "//ehr.example.org/fhir/Patient?page=2",
    "https://ehr.example.org/fhir/Patient?next=https://evil.example",
]
REFUSED = [
    "http://ehr.example.org/fhir/Patient?page=2",
    "http://ehr.example.org:443/fhir/Patient",
    "https://ehr.example.org:8443/fhir/Patient",
    "https://evil.example/fhir/Patient?page=2",
    "https://ehr.example.org.evil.example/fhir",
    "https://evil.example/ehr.example.org/fhir",
    "https://sub.ehr.example.org/fhir",
    "https://ehr.example.org@evil.example/fhir",
    "https://user:pass@ehr.example.org/fhir",
    "https://evil.example#ehr.example.org",
    "https://evil.example?ehr.example.org",
    "https://evil.example\\@ehr.example.org/fhir",
    "https://ehr.example.org\\@evil.example/fhir",
    "\\\\evil.example\\fhir",
    "https:\\\\evil.example\\fhir",
    "//evil.example/fhir",
    "///evil.example/fhir/../..//evil.example",
    "https://ehr.example.org\t.evil.example/fhir",
    "https://ehr.example.org\r\nHost: evil.example/fhir",
    " https://evil.example/",
    "https://еhr.example.org/fhir",
    "https://ehr。example.org.evil.example/",
    "https://127.0.0.1/fhir",
    "https://localhost/fhir",
    "https://10.0.0.8/fhir",
    "https://192.168.1.1/fhir",
    "https://169.254.169.254/latest/meta-data/iam",
    "http://169.254.169.254/latest/meta-data/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://[::1]/fhir",
    "https://[::ffff:169.254.169.254]/",
    "https://[fd00:ec2::254]/latest",
    "https://2130706433/fhir",
    "https://0x7f.1/fhir",
    "https://0177.0.0.1/fhir",
    "https://0/fhir",
    "file:///etc/passwd",
    "ftp://ehr.example.org/fhir",
    "gopher://ehr.example.org:70/_",
    "data:application/json,{}",
    "javascript:alert(1)",
    "jar:https://ehr.example.org!/",
    "ldap://ehr.example.org/",
    "https://",
    "https://:443/",
    "https://ehr.example.org:99999/",
    "https://[ehr.example.org/",
    "",
]


@pytest.mark.parametrize("link", ALLOWED)
def test_links_of_the_same_origin(link):
    """S-13: the corpus, its harmless part."""
    Origins(BASE).resolve(link, "https://ehr.example.org/fhir/Patient?name=x")


def test_links_that_lead_away(each):
    """S-13: the corpus of hostile URLs (over 40)."""

    def check(link):
        with pytest.raises(errors.OriginRefused) as caught:
            Origins(BASE).resolve(link, "https://ehr.example.org/fhir/Patient?name=x")
        assert not link or link not in str(caught.value)

    each([(link,) for link in REFUSED], check)


def test_the_corpus_is_as_large_as_asked():
    """S-13."""
    assert len(set(REFUSED)) >= 40


def test_a_downgrade_behind_a_proxy_says_how_to_mend_it():
    """Seen in the field: next links with http from a server that does not know its proxy."""
    with pytest.raises(errors.OriginRefused) as caught:
        Origins(BASE).resolve("http://ehr.example.org/fhir?page=2")
    assert "public base URL" in caught.value.mend


def test_addresses_that_are_nobodys_business(each):
    """S-13: private, shared, metadata, mapped, translated, tunnelled."""
    addresses = [
        "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.0.10", "169.254.169.254", "100.64.0.1",
        "100.100.100.200", "0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a9fe:a9fe::", "2001:0:7f00:1::", "::127.0.0.1", "nonsense",
    ]  # fmt: skip

    def check(address):
        with pytest.raises(errors.OriginRefused):
            check_address(address)

    each([(address,) for address in addresses], check)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14"]
)
def test_public_addresses(address):
    check_address(address)


class Tokens:
    def token(self):
        return "precious"

    def invalidate(self, token):
        pass


@pytest.fixture
def holder(server, elsewhere):
    with FhirClient(
        server.url,
        auth=Tokens(),
        retries=FAST,
        budget=Budget(10_000, 100),
        allowed_origins=[elsewhere.origin],
    ) as made:
        yield made


def test_a_next_link_to_another_host_is_not_followed(server, holder, elsewhere):
    """S-13: not even where attachments may be fetched from."""
    server.reply(200, bundle({"resourceType": "Patient", "id": "1"}, next=f"{elsewhere.url}/Patient?page=2"))
    search = iter(holder.search("Patient"))
    assert next(search)["id"] == "1"
    with pytest.raises(errors.OriginRefused):
        next(search)
    assert elsewhere.seen == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_carries_the_token_away(server, holder, elsewhere, status):
    """S-13."""
    server.reply(status, b"", Location=f"{elsewhere.url}/Patient/1")
    with pytest.raises(errors.OriginRefused):
        holder.read("Patient", "1")
    assert elsewhere.seen == []


def test_a_redirect_within_the_origin_is_followed_for_reads_only(server, holder):
    """S-13: and three times at most."""
    server.script = [
        Reply(302, b"", {"Location": "/elsewhere"}),
        Reply(200, {"resourceType": "Patient", "id": "1"}),
    ]
    assert holder.read("Patient", "1")["id"] == "1"
    server.script = [Reply(302, b"", {"Location": "/fhir/Patient/1"})]
    server.seen.clear()
    with pytest.raises(errors.InvalidAnswer):
        holder.read("Patient", "1")
    assert len(server.seen) == 4
    server.seen.clear()
    with pytest.raises(errors.InvalidAnswer):
        holder.create({"resourceType": "Patient"}, if_none_exist="identifier=a|b")
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("Patient/1", "/fhir/Patient/1"),
        ("Patient/1/_history/2", "/fhir/Patient/1/_history/2"),
        ("{base}/Patient/1", "/fhir/Patient/1"),
    ],
)
def test_references_of_this_server_are_followed(server, holder, reference, path):
    server.reply(200, {"resourceType": "Patient", "id": "1"})
    holder.follow(reference.format(base=server.url))
    assert server.seen[0].path == path


@pytest.mark.parametrize(
    "reference", ["{other}/fhir/Patient/1", "{origin}/admin/Patient/1", "urn:uuid:7", "../admin/x"]
)
def test_references_to_other_places_are_refused(server, holder, elsewhere, reference):
    """S-13."""
    with pytest.raises(errors.OriginRefused):
        holder.follow(reference.format(other=elsewhere.origin, origin=server.origin))
    assert server.seen == elsewhere.seen == []


@pytest.mark.parametrize("reference", ["#contained", "Patient", "Patient?name=x", ""])
def test_references_that_name_no_resource(server, holder, reference):
    with pytest.raises((errors.InputError, errors.OriginRefused)):
        holder.follow(reference)
    assert server.seen == []


def test_attachments_in_place_at_the_server_and_as_binary(server, holder):
    assert holder.attachment({"data": "aGVs\nbG8="}) == b"hello"
    server.script = [Reply(200, b"%PDF"), Reply(200, {"resourceType": "Binary", "data": "aGVsbG8="})]
    assert holder.attachment({"url": "Binary/1"}) == b"%PDF"
    assert holder.attachment({"url": f"{server.url}/Binary/1"}) == b"hello"
    assert server.seen[0].headers["Authorization"] == "Bearer precious"


@pytest.mark.parametrize("attachment", [{}, {"url": 5}, {"data": "%%%"}])
def test_attachments_that_are_none(holder, attachment):
    with pytest.raises(errors.InvalidAnswer):
        holder.attachment(attachment)


def test_an_allowed_origin_at_a_private_address_is_refused_on_the_socket(holder, elsewhere):
    """S-13: the name is on the list, what it resolves to is not public (DNS rebinding)."""
    with pytest.raises(errors.OriginRefused):
        holder.attachment({"url": f"{elsewhere.url}/Binary/1"})
    assert elsewhere.seen == []


def test_an_allowed_origin_is_asked_without_the_token(holder, elsewhere, monkeypatch):
    """S-13: here the check of the address lets this machine pass, to see the request itself."""
    monkeypatch.setattr("chartside.fhir.foreign.check_address", lambda address: None)
    elsewhere.script = [Reply(200, b"%PDF")]
    assert holder.attachment({"url": f"{elsewhere.url}/Binary/1"}) == b"%PDF"
    assert "Authorization" not in elsewhere.seen[0].headers
    elsewhere.script = [Reply(302, b"", {"Location": "/x"})]
    with pytest.raises(errors.InvalidAnswer):
        holder.attachment({"url": f"{elsewhere.url}/Binary/1"})


@pytest.mark.parametrize("bad", ["..", ".", "a/b", "a?b", "a#b", "a%2fb", "", "x" * 129, "a b", "ä", None])
def test_an_id_cannot_lead_anywhere_else(server, client, bad):
    with pytest.raises(errors.InputError):
        client.read("Patient", bad)
    assert server.seen == []


@pytest.mark.parametrize("bad", ["", "patient", "../x", "Patient/1", "Patient?x", "$x", None])
def test_neither_can_a_type(server, client, bad):
    with pytest.raises(errors.InputError):
        client.read(bad, "1")
    assert server.seen == []


def test_ids_with_a_practice_prefix_are_ids(server, client):
    """Seen in the field (athenahealth)."""
    server.reply(200, {"resourceType": "Patient", "id": "a-25828.E-14914"})
    client.read("Patient", "a-25828.E-14914")
    assert server.seen[0].path == "/fhir/Patient/a-25828.E-14914"
