"""Every page in every state there is to see, once for the pictures and once for what is checked on all of
them. Another page is one line."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, Route

from runs.status import Status
from tests.canaries import PASSWORD
from tests.frozen import Frozen

# The list is for this text, and what is chosen is in it.
IS_FOUND = """(text) => {
    const chosen = document.querySelector('#palette [name=q]').getAttribute('aria-activedescendant');
    const isInList = !chosen || document.getElementById(chosen);
    return isInList && document.querySelector('#palette [data-for]')?.dataset.for === text;
}"""


def launch_nothing(page: Page) -> None:
    page.get_by_role("button", name="Launch", exact=False).first.click()
    page.locator("[aria-invalid=true]").first.wait_for()


def send_a_stale_form(page: Page) -> None:
    page.locator("main [name=csrfmiddlewaretoken]").first.evaluate("field => (field.value = 'x')")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("This form was not accepted").wait_for()


def refuse_preferences(page: Page) -> None:
    page.get_by_label("Time zone").fill("Mars/Olympus")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("There is no such time zone").wait_for()


def keep_preferences(page: Page) -> None:
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Your preferences are kept.").wait_for()


def give_a_password(password: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.locator("[name=login]").fill("sam")
        page.locator("[name=password]").fill(password)
        with page.expect_navigation():
            page.get_by_role("button", name="Sign in", exact=True).click()

    return act


def relaunch(page: Page) -> None:
    page.get_by_role("button", name="Relaunch", exact=False).first.click()
    page.get_by_text("Not launched: over a limit").wait_for()


def launch_too_much(page: Page) -> None:
    page.locator("[name=user_prompt]").fill("Count the zebras")
    page.locator("[name=goal_prompt]").fill("There is a number.")
    page.get_by_role("button", name="Launch", exact=False).first.click()
    page.locator(".launch-foot [role=alert]").first.wait_for()


def open_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.locator("#palette [aria-selected=true]").wait_for()


def find(text: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        open_palette(page)
        page.keyboard.type(text)
        page.wait_for_function(IS_FOUND, arg=text)

    return act


def open_help(page: Page) -> None:
    page.keyboard.press("?")
    page.locator("#help[open]").wait_for()


def open_invite(page: Page) -> None:
    page.locator("summary", has_text="Invite").click()
    page.get_by_label("Role", exact=True).wait_for()


def open_person_menu(page: Page) -> None:
    page.locator(".side-foot summary").click()


def glance(page: Page) -> None:
    page.keyboard.press("j")
    page.keyboard.press("Space")
    if page.viewport_size["width"] > 860:
        page.locator("#peek h2").wait_for()


def pick(page: Page) -> None:
    if page.viewport_size["width"] > 640:
        page.keyboard.press("x")
        page.locator("#bulk").wait_for()


@dataclass(frozen=True)
class Sight:
    """A page as somebody sees it: `path` with the names of `Frozen.places`, `who` of its `logins` ("" for
    nobody), and what is done there first."""

    name: str
    path: str
    who: str = "every"
    act: Callable[[Page], None] | None = None


def look(sight: Sight, frozen: Frozen, browser: Browser, **options) -> Page:
    """This sight in a context of its own, which the caller closes."""
    page = frozen.context(browser, sight.who, **options).new_page()
    # By now nobody waits for the font: the page after the one that fetches it shows it.
    page.goto(f"{frozen.url}/accounts/login/", wait_until="networkidle")
    visit(sight, frozen, page)
    return page


def visit(sight: Sight, frozen: Frozen, page: Page) -> None:
    """This sight on a page whose person is signed in."""

    def say_what_went_wrong(route: Route) -> None:
        code = route.request.url.rstrip("/").rsplit("/", 1)[-1]
        route.fulfill(status=int(code), body=frozen.error_pages[code], content_type="text/html")

    if sight.path.strip("/") in frozen.error_pages:
        page.route(f"**{sight.path}", say_what_went_wrong)
    page.goto(frozen.address(sight.path))
    if sight.act:
        sight.act(page)
        page.wait_for_load_state()


SIGHTS = [
    Sight("sign-in", "/accounts/login/", ""),
    Sight("password-forgotten", "/accounts/password/reset/", ""),
    Sight("password-change", "/accounts/password/set/"),
    Sight("sign-out", "/accounts/logout/"),
    Sight("no-workspace", "/runs/", "nowhere"),
    Sight("runs", "/runs/"),
    Sight("runs-none", "/runs/", "none"),
    Sight("runs-one", "/runs/", "one"),
    Sight("runs-three", "/runs/", "three"),
    Sight("runs-many", "/runs/", "many"),
    Sight("runs-history", "/runs/", "history"),
    Sight("runs-history-glance", "/runs/", "history", glance),
    Sight("runs-history-picked", "/runs/", "history", pick),
    Sight("runs-none-fits", "/runs/?q=nothing+like+this"),
    Sight("runs-of-a-viewer", "/runs/", "viewer"),
    *(Sight(f"run-{status}", f"/runs/{{{status}}}/") for status in Status.values),
    *(Sight(f"run-{name}", f"/runs/{{{name}}}/") for name in ("achieved", "not_achieved", "cannot_tell")),
    *(Sight(f"run-{name}", f"/runs/{{{name}}}/") for name in ("long", "hostile", "needs")),
    Sight("run-of-a-viewer", "/runs/{running}/", "viewer"),
    Sight("launch", "/runs/new/"),
    Sight("launch-again", "/runs/new/?from={completed}"),
    Sight("launch-errors", "/runs/new/", act=launch_nothing),
    Sight("wall", "/wall/"),
    Sight("wall-history", "/wall/", "history"),
    Sight("wall-kiosk", "/wall/?kiosk=1"),
    Sight("sessions", "/sessions/"),
    Sight("sessions-history", "/sessions/", "history"),
    Sight("sessions-none", "/sessions/", "none"),
    Sight("sessions-none-fits", "/sessions/?q=nothing+like+this"),
    Sight("session", "/sessions/{session}/"),
    Sight("me", "/me/"),
    Sight("me-kept", "/me/", act=keep_preferences),
    Sight("me-errors", "/me/", act=refuse_preferences),
    Sight("palette", "/runs/", act=open_palette),
    Sight("palette-found", "/runs/{running}/", act=find("invoices")),
    Sight("palette-nothing", "/runs/", act=find("nothing like this")),
    Sight("help", "/runs/", act=open_help),
    Sight("person-menu", "/runs/", act=open_person_menu),
    Sight("403", "/runs/new/", "viewer"),
    Sight("403-stale-form", "/me/", act=send_a_stale_form),
    Sight("404", "/runs/999999/"),
    Sight("link", "/enter/{enter}/", ""),
    Sight("link-used", "/enter/x/y/", ""),
    Sight("sign-in-errors", "/accounts/login/", "", give_a_password("wrong")),
    Sight("second-factor", "/accounts/login/", "", give_a_password(PASSWORD)),
    Sight("password-forgotten-sent", "/accounts/password/reset/done/", ""),
    Sight("password-new", "/accounts/password/reset/key/{reset_key}/", ""),
    Sight("password-new-bad-link", "/accounts/password/reset/key/x-y/", ""),
    Sight("password-change-known", "/accounts/password/change/", "guarded"),
    Sight("account-closed", "/accounts/inactive/", ""),
    Sight("sign-up-closed", "/accounts/signup/", ""),
    Sight("confirm-it-is-you", "/accounts/reauthenticate/", "guarded"),
    Sight("confirm-by-code", "/accounts/2fa/reauthenticate/", "guarded"),
    Sight("confirm-by-key", "/accounts/2fa/webauthn/reauthenticate/", "guarded"),
    Sight("factors", "/accounts/2fa/", "guarded"),
    Sight("factors-none", "/accounts/2fa/"),
    Sight("factor-needed", "/accounts/2fa/", "unguarded"),
    Sight("app-add", "/accounts/2fa/totp/activate/"),
    Sight("app-remove", "/accounts/2fa/totp/deactivate/", "guarded"),
    Sight("keys", "/accounts/2fa/webauthn/", "guarded"),
    Sight("key-add", "/accounts/2fa/webauthn/add/", "guarded"),
    Sight("key-edit", "/accounts/2fa/webauthn/keys/{key}/edit/", "guarded"),
    Sight("key-remove", "/accounts/2fa/webauthn/keys/{key}/remove/", "guarded"),
    Sight("recovery-codes", "/accounts/2fa/recovery-codes/", "guarded"),
    Sight("recovery-codes-new", "/accounts/2fa/recovery-codes/generate/", "guarded"),
    Sight("address", "/accounts/email/", "guarded"),
    Sight("address-none", "/accounts/email/"),
    Sight("devices", "/accounts/sessions/", "guarded"),
    Sight("single-sign-on", "/accounts/3rdparty/", "guarded"),
    Sight("single-sign-on-canceled", "/accounts/3rdparty/login/cancelled/", ""),
    Sight("invitation", "/invitation/{invitation}/", ""),
    Sight("invitation-mailed", "/invitation/{mailed_invitation}/", ""),
    Sight("invitation-signed-in", "/invitation/{invitation}/", "none"),
    Sight("invitation-over", "/invitation/x/", ""),
    Sight("team", "/team/"),
    Sight("team-invite", "/team/", act=open_invite),
    Sight("team-of-a-viewer", "/team/", "viewer"),
    Sight("team-key", "/team/key/"),
    Sight("team-limits", "/team/limits/"),
    Sight("team-settings", "/team/settings/"),
    Sight("team-audit", "/team/audit/"),
    Sight("workspaces", "/workspaces/"),
    Sight("over-limit", "/runs/{over}/", "limited", relaunch),
    Sight("over-limit-of-an-operator", "/runs/{over}/", "limited-operator", relaunch),
    Sight("over-limit-form", "/runs/new/", "limited", launch_too_much),
    Sight("over-limit-form-of-an-operator", "/runs/new/", "limited-operator", launch_too_much),
    Sight("400", "/400/"),
    Sight("429", "/429/"),
    Sight("500", "/500/"),
]
# What a page shows when its server is gone.
OFFLINE = [Sight("offline-runs", "/runs/"), Sight("offline-run", "/runs/{running}/")]
