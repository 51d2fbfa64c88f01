"""Where a reader's few colours stand for all of ours, nothing is said by colour alone: txpdev/URLand #202,
w3c/aria-practices #297, WordPress/gutenberg #15326, cferdinandi/kelp #210."""

import pytest

from tests.sights import SIGHTS, visit

# On one worker: the pages it looks at are made and served once.
pytestmark = pytest.mark.xdist_group("accessibility")

DESKTOP = {"width": 1440, "height": 900}
NAMES = (
    "runs",
    "runs-history-glance",
    "run-running",
    "run-achieved",
    "run-starting",
    "launch",
    "wall",
    "team",
    "palette",
    "person-menu",
    "me",
)
# What looks the same though it is not: one that is set and one that is not, a mark and the page it stands on.
# Colours are compared as they are forced.
LOST = """() => {
    const page = getComputedStyle(document.body).backgroundColor;
    const isSeen = ({backgroundColor, boxShadow}) =>
        boxShadow !== 'none' || ![page, 'rgba(0, 0, 0, 0)'].includes(backgroundColor);
    const look = (one) => {
        const style = getComputedStyle(one);
        const lines = [style.borderTop, style.borderBottom, style.outline, style.textDecorationLine];
        return [isSeen(style) && style.backgroundColor, ...lines].join(' / ');
    };
    const all = (selector) => [...document.querySelectorAll(selector)];
    const seen = (selector) => all(selector).filter((one) => one.checkVisibility());
    const lost = [];
    const compare = (one, name, set, unset) => {
        const looks = [set, unset].map((change) => (change(one), look(one)));
        if (looks[0] === looks[1]) lost.push(`${name}: ${one.outerHTML.slice(0, 90)}`);
    };
    for (const name of ['aria-current', 'aria-pressed', 'aria-selected', 'aria-checked'])
        for (const one of seen(`[${name}]`)) {
            const was = one.getAttribute(name);
            const set = () => one.setAttribute(name, was === 'false' ? 'true' : was);
            const unset = () => one.setAttribute(name, 'false');
            compare(one, name, set, name === 'aria-current' ? () => one.removeAttribute(name) : unset);
            one.setAttribute(name, was);
        }
    for (const one of seen('.table.runs tbody tr').slice(0, 1)) {
        const was = one.classList.contains('is-current');
        compare(one, 'row', () => one.classList.add('is-current'), () => one.classList.remove('is-current'));
        one.classList.toggle('is-current', was);
    }
    for (const one of seen('.tcard:has([type=radio])').slice(0, 1)) {
        const chosen = document.querySelector('.tcard :checked'), radio = one.querySelector('[type=radio]');
        compare(radio, 'radio', () => (radio.checked = true), () => (radio.checked = false));
        compare(one, 'card', () => (radio.checked = true), () => (radio.checked = false));
        chosen.checked = true;
    }
    for (const one of seen('.live-dot, .frame-state, .new-rows'))
        if (!isSeen(getComputedStyle(one, '::before'))) lost.push(`dot: ${one.outerHTML.slice(0, 90)}`);
    for (const one of seen('.legend i'))
        if (getComputedStyle(one).outlineStyle === 'none') lost.push(`swatch: ${one.className}`);
    const bordered = (one) => getComputedStyle(one).borderTopColor !== page;
    for (const one of seen('.pill'))
        if (bordered(one) !== one.matches('.boxed, .strong, .striped')) lost.push(`pill: ${one.className}`);
    return lost;
}"""
# The kinds of what can have the focus, each of which says that it has.
UNFOCUSED = """() => {
    const kinds = new Map();
    const takesIt = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
    for (const one of document.querySelectorAll(takesIt))
        if (one.checkVisibility() && !one.disabled)
            kinds.set(`${one.localName}.${one.type}.${one.className}`, one);
    const lost = [];
    for (const [kind, one] of kinds) {
        one.focus({focusVisible: true});
        if (document.activeElement !== one) continue;
        const outlines = [getComputedStyle(one), getComputedStyle(one, '::after'),
            getComputedStyle(one.closest('.tile, .tcard, label') ?? one)];
        if (outlines.every(({outlineStyle}) => outlineStyle === 'none')) lost.push(kind);
    }
    return lost;
}"""


def test_what_is_chosen_where_one_is_and_what_has_the_focus_is_seen_in_forced_colours(frozen, new_context):
    context = new_context(viewport=DESKTOP, forced_colors="active", color_scheme="dark")
    page, lost = context.new_page(), {}
    for sight in SIGHTS:
        if sight.name in NAMES:
            frozen.sign_in(context, sight.who)
            visit(sight, frozen, page)
            lost[sight.name] = page.evaluate(LOST) + page.evaluate(UNFOCUSED)
    assert lost == {name: [] for name in NAMES}
