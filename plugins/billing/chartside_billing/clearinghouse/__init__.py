"""Ways to a clearinghouse: a folder over SFTP, an HTTP upload, and a local one that answers for the demo."""

from __future__ import annotations

from chartside_billing.clearinghouse.base import Answer, Clearinghouse
from chartside_billing.clearinghouse.local import LocalClearinghouse

__all__ = ["Answer", "Clearinghouse", "LocalClearinghouse"]
