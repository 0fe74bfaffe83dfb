"""`python -m sayso.cli`: the same as `sayso`, where scripts are not on the path."""

from __future__ import annotations

from sayso.cli import main

main()
