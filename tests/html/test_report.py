"""Pages of results: they say all, ask for nothing and take nobody's word for HTML."""

import pytest

from supernode_opt.html.drawings import _inline
from supernode_opt.html.report import render
from tests.documents import chromium
from tests.html import pages
from tests.results.kinds import MADE, calibration

EVIL = "<script>alert('x')</script> & \"quoted\" <b>bold</b>"


@pytest.mark.parametrize("kind", MADE)
def test_every_kind_has_a_page(kind):
    page = pages.read(render(MADE[kind]()))
    assert page.sections[:1] == ["asked"]
    assert len(page.text) > 200


def test_what_users_write_is_text():
    dataset = calibration(EVIL)
    source = render(dataset)
    page = pages.read(source)
    assert EVIL in page.text
    assert "<b>bold</b>" not in source
    assert page.tags.count("title") == 1


def test_names_in_drawings_are_their_own():
    drawing = (
        '<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD" "http://www.w3.org/x">'
        '<svg xmlns="http://www.w3.org/2000/svg" width="9pt" height="8pt"'
        ' viewBox="0 0 9 8"><metadata>http://purl.org</metadata><!-- a note -->'
        '<g clip-path="url(#c)"><path id="c"/></g></svg>'
    )
    made = _inline(drawing, "f3")
    assert made == (
        '<svg role="img" viewBox="0 0 9 8"><g clip-path="url(#f3-c)">'
        '<path id="f3-c"/></g></svg>'
    )


@pytest.mark.long
def test_a_page_in_a_browser(tmp_path):
    program = chromium.browser()
    if program is None:
        pytest.skip("there is no Chromium")
    page = tmp_path / "page.html"
    page.write_text(render(MADE["sweep"]()), encoding="utf-8")
    assert chromium.look(program, page, tmp_path / "pictures") == []
    assert (tmp_path / "pictures" / "page_phone.png").stat().st_size > 5000
