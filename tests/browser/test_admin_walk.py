"""A superuser walks the whole Django admin, with the console open: every model, its list, its rows, their
histories, and what is asked before something is deleted."""

import re
import time
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.urls import Resolver404, resolve, reverse
from playwright.sync_api import Page, expect

from tests.browser.walking import Console, press_all, walk
from tests.frozen import SEED
from tests.served import PASSWORD

# Each walks through the pages of its apps, on the worker that is free.
SHARES = ("runs", "people", "others")

# What ends the login, what confirms that something is to be deleted, and what takes a way in away. What is
# ticked would be kept by the next Save.
LEFT_ALONE = re.compile(r"logout|/delete/|checkbox|unset-password|usable_password")
# Said beside what a list is filtered by.
ASIDES = {"_changelist_filters"}
OF_A_SUPERUSER = SimpleNamespace(user=get_user_model()(is_superuser=True, is_active=True))


def kind_of(address: str) -> tuple | None:
    """Which page of the admin an address opens, and by what it is sorted or filtered; None for what is no
    such page, and for what is filtered twice."""
    parts = urlsplit(address)
    try:
        name = resolve(parts.path).view_name
    except Resolver404:
        return None
    fields = {said.split("__")[0] for said in parse_qs(parts.query, keep_blank_values=True)} - ASIDES
    return (name, *fields) if name.startswith("admin:") and len(fields) < 2 else None


def share_of(name: str) -> str:
    """Which of the walks the page of this name belongs to."""
    app = name.removeprefix("admin:").split("_")[0]
    return app if app in SHARES else "others"


def admins(share: str) -> dict[str, admin.ModelAdmin]:
    """Those of the registered models of one walk, by what their pages' names begin with."""
    registered = admin.site._registry.values()
    named = {f"admin:{one.opts.app_label}_{one.opts.model_name}": one for one in registered}
    return {name: one for name, one in named.items() if share_of(name) == share}


def every_page(share: str) -> set[str]:
    """The names of the pages of one walk that a superuser may open."""
    pages = {name for name in ("admin:index", "admin:password_change") if share_of(name) == share}
    for name, its_admin in admins(share).items():
        pages |= {f"{name}_changelist", f"{name}_change", f"{name}_history"}
        pages |= {f"{name}_add"} if its_admin.has_add_permission(OF_A_SUPERUSER) else set()
        pages |= {f"{name}_delete"} if its_admin.has_delete_permission(OF_A_SUPERUSER) else set()
    return pages


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/")
    page.locator("[name=login]").fill("root")
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.locator("[name=code]").fill(format_hotp_value(hotp_value(SEED, int(time.time()) // 30)))
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{url}/admin/")


def ask_for_actions(page: Page, console: Console) -> None:
    """Choose each action of a list for its first row. Nothing is confirmed."""
    address = page.url
    values = "options => options.map((option) => option.value).filter(Boolean)"
    for action in page.locator("select[name=action] option").evaluate_all(values):
        page.locator("[name=_selected_action]").first.check()
        page.locator("select[name=action]").select_option(action)
        console.where = f"{address} {action}"
        page.locator("button[name=index]").click()
        console.settle()
        assert action != "delete_selected" or page.locator(".delete-selected-confirmation").count()
        page.goto(address)
        console.settle()


@pytest.fixture
def console(frozen, new_context):
    """Of a page that is signed in, and is not asked again however long the walk takes."""
    context = new_context(viewport={"width": 1440, "height": 900})
    frozen.sign_in(context, "root")
    page = context.new_page()
    context.on("page", lambda tab: tab.close())
    return Console(page, frozen.url)


@pytest.mark.xdist_group("admin people")
def test_it_is_entered_by_password_and_code(frozen, page):
    sign_in(page, frozen.url)


@pytest.mark.parametrize(
    "share", [pytest.param(share, marks=pytest.mark.xdist_group(f"admin {share}")) for share in SHARES]
)
def test_walk_through_the_admin(frozen, console, share):
    page, pressed = console.page, set()

    def kind_in_share(address):
        kind = kind_of(address)
        return kind if kind and share_of(kind[0]) == share else None

    def at_each(address):
        if "?" not in address and page.locator("select[name=action]").count():
            ask_for_actions(page, console)
        press_all(page, console, pressed, LEFT_ALONE.search)

    # The first page leads to all of them.
    visited = walk(page, console, [f"{frozen.url}/admin/"], kind_in_share, at_each)
    assert console.wrong == []
    seen = {name for name, *_ in filter(None, visited)}
    assert every_page(share) - seen == set()
    for name, its_admin in admins(share).items():
        changelist = f"{name}_changelist"
        is_searched = f"input submit {reverse(changelist)} form" in pressed
        is_filtered = any((changelist, field) in visited for field in its_admin.list_filter)
        assert (changelist, "o") in visited, name
        assert is_searched == bool(its_admin.get_search_fields(OF_A_SUPERUSER)), name
        assert is_filtered == bool(its_admin.list_filter), name
    assert any("theme-toggle" in kind for kind in pressed)


@pytest.mark.xdist_group("admin people")
def test_who_something_is_for_is_found_while_typing(frozen, console):
    page = console.page
    page.goto(f"{frozen.url}/admin/people/membership/add/")
    page.locator(".field-user .select2-selection").click()
    page.locator(".select2-search__field").fill("mar")
    page.get_by_role("option", name="mara", exact=True).click()
    expect(page.locator(".field-user .select2-selection")).to_contain_text("mara")
    console.settle()
    assert console.wrong == []
