"""Sayso, the consent layer for WhatsApp: records every yes with proof, honours every no at once.

    from sayso import Sayso

This is the library's door. It loads the rest only when a name is used, so importing it costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sayso import errors
    from sayso.core.gate import Verdict
    from sayso.library import AsyncPermit, Permit, Sayso, Stopped

    __version__: str

__all__ = ["AsyncPermit", "Permit", "Sayso", "Stopped", "Verdict", "__version__", "errors"]


def __getattr__(name: str) -> Any:
    """Load what is asked for (PEP 562)."""
    if name in ("AsyncPermit", "Permit", "Sayso", "Stopped"):
        from sayso import library

        return getattr(library, name)
    if name == "Verdict":
        from sayso.core.gate import Verdict

        return Verdict
    if name == "errors":
        import importlib

        return importlib.import_module("sayso.errors")
    if name == "__version__":
        return _version()
    raise AttributeError(f"module 'sayso' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("sayso")
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "0+unknown"
