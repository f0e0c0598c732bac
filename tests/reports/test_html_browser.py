"""The HTML report in a browser: opened from a file, read, filtered, gone through by keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import Browser
from pages import LARGE, PHONES, REPORTS, ROOT, written
from PIL import Image, ImageStat
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

SCREENSHOTS = ROOT / "build" / "screenshots"
OPEN_ALL = "for (const each of document.querySelectorAll('details')) each.open = true;"
DRAWN = "[...document.querySelectorAll('.finding')].every(f => !f.querySelector('.around:empty'))"

Pages = Callable[[str], Path]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    window = Browser(tmp_path_factory.mktemp("profile"))
    yield window
    window.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    folder = tmp_path_factory.mktemp("pages")
    known: dict[str, Path] = {}

    def page(name: str) -> Path:
        if name not in known:
            known[name] = written(name, folder)
        return known[name]

    return page


def press(element: WebElement, *keys: str) -> None:
    for key in keys:
        element.send_keys(key)


def said(ribbon: WebElement) -> str:
    return ribbon.get_attribute("aria-valuetext") or ""


@pytest.mark.parametrize("name", REPORTS)
def test_it_opens_without_a_word_and_asks_for_nothing(
    browser: Browser, pages: Pages, name: str
) -> None:
    browser.open(pages(name))
    browser.run(OPEN_ALL)
    browser.until(DRAWN)
    assert browser.errors() == []
    assert browser.requests() == [pages(name).as_uri()]
    assert len(browser.shown(".ribbon")) == len(browser.all(".ribbon")) > 0
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", REPORTS)
def test_nothing_hinders_readers(browser: Browser, pages: Pages, name: str, dark: bool) -> None:
    browser.open(pages(name), dark=dark)
    assert browser.complaints() == []
    browser.run(OPEN_ALL)
    browser.until(DRAWN)
    press(browser.one(".ribbon"), Keys.HOME)
    assert browser.complaints() == []


def test_keys_go_from_node_to_node_and_from_piece_to_piece(browser: Browser, pages: Pages) -> None:
    browser.open(pages("phones"))
    ribbon = browser.all(".ribbon")[2]
    press(ribbon, Keys.HOME)
    assert said(ribbon) == "node 0, CONV_2D, accelerator, piece 1"
    press(ribbon, Keys.PAGE_UP)
    assert said(ribbon) == "node 28, TRANSPOSE_CONV, CPU, piece 2, refused"
    assert ribbon.get_attribute("aria-valuenow") == "28"
    press(ribbon, Keys.ARROW_RIGHT)
    assert said(ribbon) == "node 29, CONCATENATION, unknown, piece 2"
    press(ribbon, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert said(ribbon).startswith("node 27,")
    press(ribbon, Keys.PAGE_UP, Keys.PAGE_UP, Keys.PAGE_DOWN)
    assert said(ribbon).startswith("node 28,")
    press(ribbon, Keys.PAGE_DOWN, Keys.PAGE_DOWN)
    assert said(ribbon).startswith("node 0,")
    press(ribbon, Keys.END, Keys.ARROW_RIGHT)
    assert said(ribbon).startswith("node 52,")
    assert browser.focused() == ribbon


def test_the_panel_tells_of_the_chosen_node(browser: Browser, pages: Pages) -> None:
    browser.open(pages("phones"))
    ribbon = browser.all(".ribbon")[0]
    press(ribbon, Keys.HOME, Keys.PAGE_UP, Keys.ENTER)
    panel = browser.focused()
    assert panel.get_attribute("class") == "panel"
    told = panel.text
    assert "node 28 TRANSPOSE_CONV" in told
    assert "1×90×160×8 float32" in told
    assert "19.5 MiB" in told
    assert "CPU, piece 2 of 9, refused" in told
    assert "accelerator, piece 1 of 1" in told
    boxes = browser.all(".panel .box")
    assert [box.text.split("\n")[1] for box in boxes] == [f"node {n}" for n in range(26, 31)]
    assert len(browser.all(".panel .box.refused.chosen")) == 1
    tensors = [each.text for each in browser.all(".panel .tensor")]
    assert tensors == ["1×45×80×12", "1×45×80×12", "1×90×160×8", "1×90×160×16"]


def test_a_drawn_node_can_be_chosen_by_keys_and_by_pointing(browser: Browser, pages: Pages) -> None:
    browser.open(pages("phones"))
    ribbon = browser.all(".ribbon")[0]
    press(ribbon, Keys.HOME)
    press(browser.all(".panel .box")[1], Keys.ENTER)
    assert said(ribbon).startswith("node 1,")
    assert browser.focused().get_attribute("class") == "box chosen"
    ActionChains(browser.driver).move_to_element(browser.all(".panel .box")[-1]).click().perform()
    assert said(ribbon).startswith("node 3,")


def test_pointing_at_a_ribbon_reads_it_and_a_click_chooses(browser: Browser, pages: Pages) -> None:
    browser.open(pages("phones"))
    ribbon = browser.all(".ribbon")[2]
    box = ribbon.rect
    middle_of_28 = round((28.5 / 53 - 0.5) * box["width"])
    pointer = ActionChains(browser.driver).move_to_element_with_offset(ribbon, middle_of_28, 0)
    pointer.perform()
    assert browser.one(".tip").text.split("\n") == [
        "28 TRANSPOSE_CONV",
        "CPU",
        "piece 2",
        "refused",
    ]
    ActionChains(browser.driver).click().perform()
    assert said(ribbon).startswith("node 28,")
    cursor = browser.one(".cursor").rect
    assert abs(cursor["x"] - (box["x"] + 28 / 53 * box["width"])) <= 1.5


def test_the_width_can_tell_multiplications(browser: Browser, pages: Pages) -> None:
    browser.open(pages("phones"))
    ribbon = browser.all(".ribbon")[0]
    press(ribbon, Keys.END)
    before = browser.one(".cursor").rect["width"]
    assert browser.all(".by-macs")[0].is_displayed() is False
    browser.click("input[value=macs]")
    assert browser.all(".by-nodes")[0].is_displayed() is False
    share = browser.run(
        "const g = JSON.parse(document.getElementById('data-0').textContent).graphs[0];"
        "return (g.edges.at(-1) - g.edges.at(-2)) / 20000"
    )
    after = browser.one(".cursor").rect["width"]
    assert abs(after - max(share * ribbon.rect["width"], 3)) < 1.5
    assert abs(before - after) > 3


def test_zooming_keeps_the_chosen_node_in_view(browser: Browser, pages: Pages) -> None:
    browser.open(pages("large"))
    ribbon = browser.all(".ribbon")[4]
    narrow = ribbon.rect["width"]
    press(ribbon, Keys.END)
    for _ in range(3):
        browser.click("[data-zoom=in]")
    assert browser.one(".zoom output").text == "8×"
    assert round(ribbon.rect["width"] / narrow) == 8
    cursor, frame = browser.one(".cursor").rect, browser.one(".scroll").rect
    assert frame["x"] <= cursor["x"] <= frame["x"] + frame["width"]


def test_runs_are_drawn_where_there_is_room_for_them(browser: Browser, pages: Pages) -> None:
    browser.open(pages("large"))
    crowd = browser.one(".crowd")
    assert crowd.is_displayed()
    assert browser.shown(".ribbon .by-nodes .shares") == browser.all(".crowded .by-nodes .shares")
    assert len(browser.all(".crowded")) == 2
    for _ in range(4):
        browser.click("[data-zoom=in]")
    assert browser.all(".crowded") == []
    assert browser.shown(".shares") == []
    assert not crowd.is_displayed()


def number_shown(browser: Browser) -> int:
    return len(browser.shown(".finding"))


def choose(browser: Browser, name: str, value: str) -> None:
    Select(browser.one(f".filters [name={name}]")).select_by_value(value)


FILTERS = {
    ("severity", "error"): (1, "8 of 16 findings"),
    ("severity", "warning"): (2, "8 of 16 findings"),
    ("severity", "info"): (0, "0 of 16 findings"),
    ("rule", "NPU102"): (2, "8 of 16 findings"),
    ("target", "0"): (1, "8 of 16 findings"),
    ("target", "1"): (0, "0 of 16 findings"),
    ("who", "unknown"): (2, "8 of 16 findings"),
    ("who", "cpu"): (1, "8 of 16 findings"),
    ("who", "left"): (0, "0 of 16 findings"),
}


@pytest.mark.parametrize("name", FILTERS, ids="=".join)
def test_filters(browser: Browser, pages: Pages, name: tuple[str, str]) -> None:
    entries, told = FILTERS[name]
    browser.open(pages("refused"))
    assert number_shown(browser) == 3
    choose(browser, *name)
    browser.until(f"document.querySelector('.found').textContent === {json.dumps(told)}")
    assert number_shown(browser) == entries
    assert browser.one(".nothing").is_displayed() is (entries == 0)
    assert len(browser.shown(".rule")) == min(entries, 1)
    browser.one(".filters button[type=reset]").click()
    browser.until("document.querySelector('.found').textContent === ''")
    assert number_shown(browser) == 3


def test_the_filter_of_targets_leaves_that_target_everywhere(
    browser: Browser, pages: Pages
) -> None:
    browser.open(pages("phones"))
    choose(browser, "target", "2")
    browser.until("document.querySelector('.found').textContent !== ''")
    assert [each.text for each in browser.shown(".lane[data-target] .name a")] == [PHONES[2]]
    assert len(browser.shown(".summary tbody tr")) == 1
    assert len(browser.shown("details.target")) == 1


def test_text_finds_findings_and_nodes(browser: Browser, pages: Pages) -> None:
    browser.open(pages("refused"))
    browser.run("document.querySelector('.nodes').open = true")
    browser.until("document.querySelectorAll('.list tbody tr').length === 53")
    browser.one(".filters [name=text]").send_keys("concat")
    browser.until("document.querySelectorAll('.list tbody tr').length === 4")
    assert {row.text.split()[1] for row in browser.all(".list tbody tr")} == {"CONCATENATION"}
    # The other warning speaks of it.
    assert number_shown(browser) == 2


def test_the_theme_can_be_turned_and_stays(browser: Browser, pages: Pages) -> None:
    def paper() -> str:
        return str(browser.run("return getComputedStyle(document.documentElement).backgroundColor"))

    browser.open(pages("clean"))
    light = paper()
    button = browser.one("button.theme")
    assert button.text == "Dark"
    button.click()
    dark = paper()
    assert dark != light
    assert browser.one("button.theme").text == "Light"
    browser.open(pages("clean"))
    assert paper() == dark
    browser.one("button.theme").click()
    assert paper() == light
    browser.run("localStorage.clear()")
    browser.open(pages("clean"), dark=True)
    assert paper() == dark


def test_a_finding_is_gone_through_place_by_place(browser: Browser, pages: Pages) -> None:
    browser.open(pages("refused"))
    assert [chip.text for chip in browser.shown(".chip")] == ["28", "34", "40", "46"]
    browser.all(".chip")[3].click()
    assert browser.one(".caption span").text == "around node 46 on mate30-pro-5g"
    assert browser.one(".finding .box.chosen").text.startswith("TRANSPOSE_CONV")
    assert [chip.get_attribute("aria-pressed") for chip in browser.all(".chip")] == [
        "false",
        "false",
        "false",
        "true",
    ]
    browser.click(".caption a")
    assert said(browser.all(".ribbon")[0]).startswith("node 46,")
    assert browser.run("return location.hash") == "#m0-g0-n46"


def test_an_address_leads_to_a_node(browser: Browser, pages: Pages, tmp_path: Path) -> None:
    browser.open(pages("phones"))
    browser.driver.get(f"{pages('phones').as_uri()}#m0-g0-n40")
    browser.driver.refresh()
    assert said(browser.all(".ribbon")[0]).startswith("node 40,")
    for nowhere in ("#m0-g0-n999", "#m7-g0-n0", "#m0-g9-n0", "#<script>"):
        browser.driver.get(f"{pages('phones').as_uri()}{nowhere}")
        browser.driver.refresh()
        assert browser.one(".panel").is_displayed() is False
    assert browser.errors() == []


def test_a_command_can_be_copied(browser: Browser, pages: Pages) -> None:
    browser.open(pages("refused"))
    button = browser.one(".copy")
    button.click()
    browser.until("document.querySelector('.copy').textContent !== 'Copy'")
    assert button.text in ("Copied", "Selected")
    if button.text == "Selected":
        chosen = browser.run("return getSelection().toString().trim()")
        assert chosen == browser.one(".command pre").text


def test_of_many_models_each_is_opened_when_asked_for(browser: Browser, pages: Pages) -> None:
    browser.open(pages("many"))
    assert len(browser.shown(".model")) == 4
    assert browser.shown(".timeline") == []
    browser.all(".overview tbody a")[0].click()
    browser.until("document.querySelector('#m0 .ribbon[role=slider]')")
    ribbons = browser.shown(".ribbon")
    assert len(ribbons) == 3 * 2, "graphs and targets"
    press(ribbons[2], Keys.END)
    assert said(ribbons[2]).startswith("node 2,")
    browser.driver.get(f"{pages('many').as_uri()}#m2-g0-n5")
    browser.driver.refresh()
    assert browser.one("#m2 .panel header").text.startswith("node 5 ")
    assert browser.errors() == []


def test_of_many_models_filters_leave_those_that_have_something(
    browser: Browser, pages: Pages
) -> None:
    browser.open(pages("many"))
    browser.one(".filters [name=text]").send_keys("while")
    browser.until("document.querySelector('.found').textContent !== ''")
    assert [each.text.split()[-1] for each in browser.shown(".model h2")] == ["net_lstm_f32.tflite"]
    assert len(browser.shown(".overview tbody tr")) == 1


def test_a_large_model_is_listed_page_by_page(browser: Browser, pages: Pages) -> None:
    browser.open(pages("large"))
    browser.run("document.querySelector('.nodes').open = true")
    browser.until("document.querySelector('.pager')")
    assert len(browser.all(".list tbody tr")) == 100
    assert browser.one(".pager span").text == "Nodes 1 to 100 of 5,005"
    previous, following = browser.all(".pager button")
    assert previous.get_attribute("disabled")
    following.click()
    assert browser.one(".pager span").text == "Nodes 101 to 200 of 5,005"
    assert browser.run("return document.querySelectorAll('*').length") < LARGE


def test_all_pieces_are_written_when_asked(browser: Browser, pages: Pages) -> None:
    browser.open(pages("large"))
    browser.run("document.getElementById('m0-t4').open = true")
    rows = "document.querySelectorAll('#m0-t4 .pieces tbody tr').length"
    assert browser.run(f"return {rows}") == 24
    browser.click("#m0-t4 .all-pieces")
    browser.until(f"{rows} === 2311")
    last = browser.all("#m0-t4 .pieces tbody tr")[24]
    assert last.text.split()[:2] == ["25", "nnapi"]
    assert browser.focused().get_attribute("class") == "goto"


def test_on_paper_everything_is_open(browser: Browser, pages: Pages) -> None:
    browser.open(pages("refused"))
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert len(browser.all(".finding[open]")) == len(browser.all(".finding .drawing")) == 3
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert len(browser.all(".finding[open]")) == 1
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert browser.shown(".filters, .theme, .controls, .hint, .copy") == []
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert browser.errors() == []


def test_the_essentials_need_no_script(pages: Pages, tmp_path: Path) -> None:
    browser = Browser(tmp_path, script=False)
    try:
        browser.open(pages("refused"))
        assert len(browser.shown(".ribbon svg.by-nodes path")) > 0
        assert len(browser.shown(".finding")) == 3
        assert browser.one(".finding .where").text == "nodes 28, 34, 40, 46"
        assert browser.shown(".needs-script") == []
        browser.all(".finding summary")[1].click()
        assert browser.all(".finding .evidence")[1].is_displayed()
        browser.click("input[value=macs]")
        assert len(browser.shown("svg.by-macs")) > 0
        assert browser.shown("svg.by-nodes") == []
    finally:
        browser.close()


WINDOWS = {"wide": 1440, "narrow": 390}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", ["clean", "phones", "large", "several", "many"])
def test_pictures(browser: Browser, pages: Pages, name: str, window: str, dark: bool) -> None:
    """What the page looks like, for people to look at: build/screenshots."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}-{window}-{'dark' if dark else 'light'}.png"
    browser.open(pages(name), width=WINDOWS[window], dark=dark)
    browser.picture(path)
    with Image.open(path) as image:
        assert image.width == WINDOWS[window], "nothing sticks out to the side"
        (light,) = ImageStat.Stat(image.convert("L")).mean
        assert (light < 100) is dark
