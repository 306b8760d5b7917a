"""Tests that become another user need a machine on which there is more than one."""

from __future__ import annotations

from pathlib import Path

import pytest

needs_other_users = pytest.mark.skipif(
    not Path("/").stat().st_mode & 0o001,
    reason="the root folder is closed to other users: chmod 755 /",
)
