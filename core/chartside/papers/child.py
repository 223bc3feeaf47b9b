"""typst in a process of its own, run by its path: a request as JSON comes in, the PDF or typst's diagnosis goes out.

A process for each paper, because within one memory grew by 0.3 MiB a paper and did not shrink, and because a fault in
typst must not take the host along. Imports nothing of chartside: that would take longer than the paper.
"""

from __future__ import annotations

import contextlib
import json
import sys

import typst

REFUSED = 3
"""Exit code: typst does not accept it; why stands on stderr."""


def main() -> int:
    """The request holds ``template`` and ``data``, both text."""
    leave_no_dump()
    asked = json.loads(sys.stdin.buffer.read())
    why = ""
    for more in (False, True):
        try:
            sys.stdout.buffer.write(compiled(asked["template"], asked["data"], system_fonts=more))
            return 0
        except typst.TypstError as error:
            why = error.diagnostic
    sys.stderr.buffer.write(why.encode())
    return REFUSED


def leave_no_dump() -> None:
    """No core dump of this process, whose memory holds a note, not even through a crash handler (Linux, macOS)."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: a handler does not ask for the limit


def compiled(template: str, data: str, *, system_fonts: bool) -> bytes:
    """With the fonts within typst, the same on each machine, or the machine's own, too, for scripts those lack."""
    return typst.compile(
        template.encode(),
        font_paths=typst.Fonts(include_system_fonts=system_fonts),
        ignore_system_fonts=True,
        format="pdf",
        pdf_standards=["ua-1"],
        sys_inputs={"data": data},
        timestamp=0,
    )


if __name__ == "__main__":
    sys.exit(main())
