"""A person chooses German, and from then on reads nothing else: what the page says, what is pushed into it,
what its scripts say."""

from playwright.sync_api import expect

from tests.browser.driving import sign_in
from tests.browser.test_accessibility import AXE, LEFT_OUT, RULES, VIOLATIONS


def choose(page, team, language: str) -> None:
    page.goto(f"{team.url}/me/")
    page.locator("[name=language]").select_option(language)
    page.locator(".sheet-foot .btn.primary").click()
    expect(page.locator("html")).to_have_attribute("lang", language)


def test_everything_is_in_german_once_it_is_chosen(page, team, giga):
    giga.hold_at_work()
    sign_in(page, team)
    choose(page, team, "de")
    page.get_by_role("link", name="Läufe").first.click()
    page.get_by_role("link", name="Neuer Lauf").first.click()
    page.get_by_label("Aufgabe").fill("Rechnungen herunterladen")
    page.get_by_label("Fertig heißt").fill("Alle PDFs liegen da.")
    page.get_by_role("button", name="Starten").first.click()
    # Pushed, not loaded.
    status = page.locator("#run-status")
    expect(status).to_contain_text("Läuft")
    expect(page.get_by_role("button", name="Zusehen")).to_be_visible()
    expect(page.get_by_role("tab", name="Verlauf")).to_be_visible()
    expect(page.locator("#run-activity")).to_contain_text("Sendet")
    expect(page.frame_locator("#desktop-frame").locator("html")).to_have_attribute("lang", "de")
    giga.let_on()
    expect(status).to_contain_text("Beendet", timeout=60_000)
    expect(page.get_by_role("heading", name="Wurde das Ziel erreicht?")).to_be_visible()
    page.evaluate(AXE.read_text())
    assert page.evaluate(VIOLATIONS, [RULES["light"], LEFT_OUT]) == []
