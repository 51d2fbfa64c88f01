"""What no linter knows: rules of this house about its own code. Each has a sample that breaks it."""

import ast
import re

from tests.served import ROOT

SOURCES = [path for room in ("dashboard", "people", "runs") for path in sorted((ROOT / room).rglob("*.py"))]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))

# Rows that belong to a workspace: a page reaches them through `visible_to`, or names the workspace.
SCOPED = {"AgentSession", "Run", "RunEvent", "RunNote", "SavedView", "Tag", "GigaAccount"}


def unscoped_queries(source: str) -> list[int]:
    """Lines on which a page asks a workspace's rows without saying for whom."""
    tree, scoped = ast.parse(source), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "visible_to":
            scoped.add(id(node.value))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Prefetch":  # of rows reached already
            scoped |= {id(inner) for inner in ast.walk(node)}
        names = [keyword.arg for keyword in node.keywords] if isinstance(node, ast.Call) else []
        if "workspace" in names and isinstance(node.func, ast.Attribute):
            scoped.add(id(node.func.value))
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "objects" and id(node) not in scoped
        if isinstance(node.value, ast.Name) and node.value.id in SCOPED
    ]


def loose_markup(template: str) -> list[str]:
    """Places where a template would let text through as markup, or scripts and styles inline."""
    return re.findall(
        r"\|\s*safe\b|autoescape off|<script(?![^>]*\bsrc=)[^>]*>|<style\b|\son[a-z]+=|\sstyle=|javascript:",
        template,
    )


def network_in_transactions(source: str) -> list[int]:
    """Lines on which Giga is asked while a transaction is open."""
    found = []
    for node in ast.walk(ast.parse(source)):
        is_atomic = isinstance(node, ast.With) and any("atomic" in ast.unparse(i) for i in node.items)
        if isinstance(node, ast.FunctionDef):
            is_atomic = any("atomic" in ast.unparse(decorator) for decorator in node.decorator_list)
        if is_atomic:
            calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
            found += [call.lineno for call in calls if ast.unparse(call.func).startswith("giga.")]
    return found


def found_in(paths, rule) -> dict[str, list]:
    """By file, what breaks a rule."""
    found = {str(path.relative_to(ROOT)): rule(path.read_text()) for path in paths}
    return {path: some for path, some in found.items() if some}


def test_pages_ask_for_rows_on_behalf_of_their_reader():
    views = [path for path in SOURCES if "views" in path.parts]
    assert views and found_in(views, unscoped_queries) == {}


def test_templates_escape_everything_and_hold_no_script():
    assert TEMPLATES and found_in(TEMPLATES, loose_markup) == {}


def test_no_cell_spans_columns_that_somebody_may_hide():
    """In a table of fixed layout it would keep room for them: what is as wide as the table stands below."""
    assert found_in(TEMPLATES, lambda template: re.findall("colspan", template)) == {}


def test_no_page_speaks_of_presets_while_there_are_none():
    assert found_in(TEMPLATES, lambda template: re.findall("(?i)preset", template)) == {}


def test_giga_is_never_asked_inside_a_transaction():
    assert SOURCES and found_in(SOURCES, network_in_transactions) == {}


def test_the_rules_find_what_breaks_them():
    assert unscoped_queries(
        "run = Run.objects.get(pk=pk)\nrun = Run.objects.visible_to(user).get(pk=pk)"
    ) == [1]
    assert len(loose_markup("{{ x|safe }}{% autoescape off %}<script>1</script><p onclick=x style='a'>")) == 5
    assert loose_markup('<script type="module" src="x.js"></script>') == []
    assert network_in_transactions("with transaction.atomic():\n    giga.start_run(access)") == [2]
    assert network_in_transactions("@transaction.atomic\ndef f():\n    giga.get_run(1)") == [3]
