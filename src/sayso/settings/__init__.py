"""What the operator decides: `SAYSO_*` settings, sayso.toml, where secrets are, and the file a newcomer
starts from.

Everything is read once and comes out as frozen values; a wrong value is a ConfigError and Sayso does not
start.
"""

from __future__ import annotations

from sayso.settings.config import Declared, read_config
from sayso.settings.environment import SETTINGS, Setting, Settings, environment_of, read_settings
from sayso.settings.secrets import exposed, resolve
from sayso.settings.starter import starter

__all__ = [
    "SETTINGS", "Declared", "Setting", "Settings", "environment_of", "exposed", "read_config", "read_settings",
    "resolve", "starter",
]  # fmt: skip
