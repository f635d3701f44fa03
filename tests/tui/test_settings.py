from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tui.app import known_ids
from tui.settings import Settings, SettingsError, read_settings, refuse_unknown

View = Callable[..., Any]


def test_the_nearer_file_wins_for_each_table(tmp_path: Path) -> None:
    near, far = tmp_path / "near.toml", tmp_path / "far.toml"
    near.write_text('theme = "nord"\n', encoding="utf-8")
    far.write_text('theme = "dracula"\n[keymap]\n"app.quit" = "ctrl+q"\n', encoding="utf-8")
    found = read_settings([near, far, tmp_path / "none.toml"])
    assert found == Settings(theme="nord", keymap={"app.quit": "ctrl+q"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("them = 'nord'", "did you mean 'theme'"),
        ("theme = 3", "the name of a theme"),
        ("[keymap]\n'app.quit' = 1", "a table of keys"),
        ("theme = ", "Invalid"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "budget-tui.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=told) as caught:
        read_settings([file])
    assert "budget-tui.toml" in str(caught.value)


def test_unknown_themes_and_keys_are_refused_with_the_nearest_one() -> None:
    with pytest.raises(SettingsError, match="did you mean 'nord'"):
        refuse_unknown(Settings(theme="nrod"), ["nord", "dracula"], known_ids())
    with pytest.raises(SettingsError, match=r"did you mean 'app\.quit'"):
        refuse_unknown(Settings(keymap={"app.quitt": "x"}), [], known_ids())
    refuse_unknown(Settings(theme="nord", keymap={"list.down": "n", "samples.filter": "ctrl+f"}), ["nord"], known_ids())


async def test_a_key_can_be_rebound_and_a_theme_set(finished: Path, view: View) -> None:
    settings = Settings(theme="nord", keymap={"app.system": "f7", "app.quit": "ctrl+q"})
    async with view(finished, settings=settings) as viewer:
        assert viewer.app.theme == "nord"
        await viewer.press("f7")
        await viewer.until(lambda: viewer.app.current_mode == "system")
        await viewer.press("1")
        await viewer.press("q")
        await viewer.pilot.pause(0.1)
        assert viewer.app.is_running
