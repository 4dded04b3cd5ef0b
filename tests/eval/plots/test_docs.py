"""The page about the pictures tells how they were made."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "plots.md"


def test_the_code_of_the_page_draws_its_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    shown = re.findall(r"!\[.*\]\((.*)\)", page)
    assert sorted(shown) == sorted(path.name for path in tmp_path.glob("*.png"))
    assert all((PAGE.parent / name).is_file() for name in shown)
