"""Promise: a report can be read on a phone and on a desk, from the file alone."""

import pytest

from maskdet.models.reporting import write_report
from tests.page.browser import chromium, started_playwright

pytestmark = pytest.mark.browser

_SMALLEST = """() => Math.min(...[...document.querySelectorAll('body *')]
  .filter(e => e.getClientRects().length && [...e.childNodes].some(
    n => n.nodeType === 3 && n.data.trim()))
  .map(e => e.ownerSVGElement
    ? parseFloat(getComputedStyle(e).fontSize) * e.ownerSVGElement.getScreenCTM().a
    : parseFloat(getComputedStyle(e).fontSize)))"""
_UNDECODED = "() => [...document.images].filter(i => !(i.complete && i.naturalWidth > 0)).length"


@pytest.fixture(scope="module")
def browser():
    with started_playwright() as playwright, chromium(playwright) as browser:
        yield browser


@pytest.fixture
def path(browser, model, scenes, results, evaluation, log_dir, tmp_path):
    path = tmp_path / "a report & more.html"
    write_report(path, model, scenes, results, evaluation, log_dir, 2.5)
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(360, 740), (1200, 900)])
def test_a_report_on_a_screen(browser, path, width, height, scheme):
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    faults, requests = [], []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("img").count() >= 4 and page.evaluate(_UNDECODED) == 0
    charts = page.locator("figure.chart svg")
    charts = [charts.nth(i) for i in range(charts.count())]
    shown = [chart.bounding_box() for chart in charts if chart.is_visible()]
    assert 4 <= len(shown) < len(charts)  # single losses are folded away
    assert all(box["width"] > 250 and box["height"] > 150 for box in shown)
    assert page.evaluate(_SMALLEST) >= 13.9  # of charts a hair less for rounding
    page.locator("summary").last.click()
    assert page.get_by_text("LEARNING_MOMENTUM").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert faults == []
    assert [url for url in requests if not url.startswith("data:")] == [path.as_uri()]
    context.close()
