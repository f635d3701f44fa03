"""The pages of failing problems, and what a browser makes of a report: links, order of tables, print."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sampler.commands import cli
from sampler.page.problem_pages import MOST_PAGES, MOST_SAMPLES
from sampler.store.writer import Store
from sandbox.values import Verdict

pytestmark = pytest.mark.slow

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
PATIENCE_S = 120.0
HOSTILE = "    return '<script>alert(1)</script>'\n"


@pytest.fixture
def store(tmp_path: Path, support: Any) -> Path:
    """Three problems, of which the last one always passes; the first one fails most often."""
    path = tmp_path / "study.db"
    with Store(path) as opened:
        ids = opened.open_study(support.study_record(3, wanted=4))
        for place, (name, problem) in enumerate(ids.problems.items()):
            for model in ids.models.values():
                for index in range(4):
                    text = HOSTILE if name == "P/0" else f"    return {index}\n"
                    opened.add_sample(support.sample_record(model, problem, index, text))
                    wrong = index >= (1, 3, 4)[place]
                    verdict = Verdict.WRONG if wrong else Verdict.PASSED
                    opened.add_verdict(support.verdict_record(model, problem, index, verdict))
        opened.flush()
    return path


def written(store: Path, *more: str) -> Path:
    page = store.with_name("report.html")
    done = CliRunner().invoke(cli, ["report", str(store), "--html", str(page), "--unit", "samples", *more])
    assert done.exit_code == 0, done.output
    return page


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if tag == "a" and name == "href"]


def links(page: Path) -> list[str]:
    reader = Links()
    reader.feed(page.read_text(encoding="utf-8"))
    return reader.found


def test_each_failing_problem_has_a_page_that_links_back(store: Path) -> None:
    page = written(store, "--pages")
    found = sorted(set(links(page)))
    assert found == ["report-problems/001-P-0.html", "report-problems/002-P-1.html"]
    for link in found:
        other = page.parent / link
        (back,) = links(other)
        assert (other.parent / back).resolve() == page.resolve()
        assert not re.search(r"(?:src|href)=.(?:https?:)?//", other.read_text(encoding="utf-8"))


def test_a_page_says_how_samples_failed_and_shows_a_program_that_passed(store: Path) -> None:
    page = written(store, "--pages")
    text = (page.parent / "report-problems/002-P-1.html").read_text(encoding="utf-8")
    plain = unescape(text)
    assert "1 × WRONG" in plain
    assert "return 3" in plain.partition("A program that passed")[0]
    assert "return 0" in plain.partition("A program that passed")[2]
    assert "def f1(x):" in plain
    hostile = (page.parent / "report-problems/001-P-0.html").read_text(encoding="utf-8")
    assert "<script>alert" not in hostile
    assert "3 × WRONG" in unescape(hostile)


def test_pages_are_bounded_in_number_and_in_size(tmp_path: Path, support: Any) -> None:
    path, count = tmp_path / "many.db", MOST_PAGES + 5
    with Store(path) as opened:
        ids = opened.open_study(support.study_record(count, wanted=1))
        for problem in ids.problems.values():
            for model in ids.models.values():
                opened.add_sample(support.sample_record(model, problem, 0, "x = 1\n" * 20_000))
                opened.add_verdict(support.verdict_record(model, problem, 0, Verdict.WRONG))
        opened.flush()
    folder = written(path, "--pages").with_name("report-problems")
    files = sorted(folder.iterdir())
    assert len(files) == MOST_PAGES
    assert max(file.stat().st_size for file in files) < 10_000 * (MOST_SAMPLES + 2)


def test_without_the_page_of_the_study_there_are_no_pages(store: Path) -> None:
    done = CliRunner().invoke(cli, ["report", str(store), "--pages"])
    assert done.exit_code == 2
    assert "add --html FILE" in done.output
    assert not links(written(store))


def browsed(page: Path, *options: str) -> str:
    """What a browser prints for a file on the disk."""
    if BROWSER is None:
        pytest.skip("no browser is installed: neither chromium nor google-chrome is on the path")
    profile = page.parent / "profile"
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", *options]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    return done.stdout


CLICKS = """<script>
const table = [...document.querySelectorAll("table")].find((one) => one.className === "map");
const order = () => [...table.tBodies[0].rows].map((row) => row.cells[0].textContent).join(",");
const said = [order()];
const head = (name) => [...table.tHead.rows[0].cells].find((one) => one.textContent === name);
head("problem").click(); said.push(order());
head("problem").click(); said.push(order());
head(%s).click(); said.push(order());
head(%s).dispatchEvent(new KeyboardEvent("keydown", {key: "Enter"})); said.push(order());
document.body.dataset.orders = said.join(";");
</script>"""


def test_a_browser_sorts_a_table_by_a_click_and_by_a_key(store: Path) -> None:
    page = written(store)
    name = '"small"'
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", CLICKS % (name, name) + "</body>"))
    orders = re.search(r'data-orders="([^"]*)"', browsed(page, "--dump-dom"))
    assert orders is not None
    first, down, up, most, fewest = orders[1].split(";")
    assert first == "P/2,P/1,P/0", "from what everybody solves to what nobody does"
    assert (down, up) == ("P/2,P/1,P/0", "P/0,P/1,P/2")
    assert (most, fewest) == ("P/2,P/1,P/0", "P/0,P/1,P/2")


def test_a_browser_prints_the_whole_report(store: Path) -> None:
    page = written(store)
    paper = page.with_suffix(".pdf")
    browsed(page, "--no-pdf-header-footer", f"--print-to-pdf={paper}")
    data = paper.read_bytes()
    assert data.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", data)) >= 2


def test_the_report_shows_the_problems_with_the_most_failures_first_and_their_code(store: Path) -> None:
    text = written(store).read_text(encoding="utf-8")
    section = text[text.index("<h2>Failing problems</h2>") : text.index("<h2>Where this comes from</h2>")]
    assert re.findall(r"<summary><b>(.*?)</b> · (\d) failed", section) == [("P/0", "3"), ("P/1", "1")]
    assert "<script>" not in section
    plain = unescape(section)
    assert HOSTILE.strip() in plain
    assert "def f0(x):" in plain
    assert "small, sample 3: WRONG: " in plain
