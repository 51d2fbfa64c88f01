"""The font comes with us, as much of it as a page has letters for, in every weight there is."""

import re

import pytest

# On one worker: the pages it looks at are made and served once.
pytestmark = pytest.mark.xdist_group("accessibility")

SUBSET = re.compile(r"/inter-([\w-]+)-wght-normal\.")
# How wide a line is in each of these weights.
WIDTHS = """(weights) => weights.map((weight) => {
    const line = document.createElement('span');
    line.textContent = 'Hamburgefonstiv 0123456789';
    line.style.cssText = `position: absolute; font-size: 100px; font-weight: ${weight}; white-space: nowrap`;
    document.querySelector('main').append(line);
    return line.getBoundingClientRect().width;
})"""


def subsets_of(page, address: str) -> list[str]:
    """The parts of the font this page fetches."""
    asked = []
    page.on("request", lambda request: asked.extend(SUBSET.findall(request.url)))
    page.goto(address)
    page.evaluate("document.fonts.ready.then(() => null)")
    return sorted(asked)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("path, who", [("/accounts/login/", ""), ("/runs/", "many"), ("/team/", "many")])
def test_a_page_fetches_the_latin_letters_alone(frozen, new_context, language, path, who):
    context = new_context(locale=language)
    frozen.sign_in(context, who)
    assert subsets_of(context.new_page(), frozen.address(path)) == ["latin"]


@pytest.mark.parametrize(
    "text, subset",
    [("Жираф", "cyrillic"), ("Ζέβρα", "greek"), ("Ngựa vằn", "vietnamese"), ("žirafa", "latin-ext")],
)
def test_others_are_fetched_where_somebody_wrote_them(frozen, page, text, subset):
    page.goto(frozen.address("/accounts/login/"))
    with page.expect_request(lambda request: subset in SUBSET.findall(request.url)):
        page.locator("h1").evaluate("(heading, text) => (heading.textContent = text)", text)


def test_weights_between_regular_and_bold_look_as_they_are_meant(frozen, page):
    address = frozen.address("/accounts/login/")
    subsets_of(page, address)
    page.goto(address)  # the first page may have begun without it
    widths = page.evaluate(WIDTHS, [400, 500, 530, 550, 600, 650, 700])
    assert widths == sorted(set(widths))
