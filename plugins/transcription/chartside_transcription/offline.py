"""Libraries of the embedded engine that would call home are told not to, before they are imported.

huggingface_hub would look for models. ONNX Runtime, from 1.29 on, writes a device identifier into the user's cache and
sends the name of the process and more to Microsoft (its Privacy.md); the variable must be set before its first import.
"""

from __future__ import annotations

import os
import sys

SILENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "ORT_TELEMETRY_DISABLED": "1",
}


def stay_offline() -> None:
    """Call it before importing faster_whisper or onnxruntime."""
    os.environ.update(SILENT)
    if sys.platform == "win32":  # there the variable is not asked for
        import onnxruntime

        onnxruntime.disable_telemetry_events()
