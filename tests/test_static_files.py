"""Our own scripts and styles mean the same after they were made small."""

import pytest

from dashboard.static_files import small


@pytest.mark.parametrize(
    "style, shorter",
    [
        (".bar :is(.a, .b) { color: red; }", ".bar :is(.a,.b){color:red}"),
        (":is(.a, .b) .c { color: red; }", ":is(.a,.b) .c{color:red}"),
        (".a:is(.b) { color: red; }", ".a:is(.b){color:red}"),
        ("a { width: calc(100% - 20px); }", "a{width:calc(100% - 20px)}"),
    ],
)
def test_a_style_stays_what_it_is(style, shorter):
    assert small("css", style) == shorter


def test_a_script_keeps_what_it_says_and_what_others_import_of_it():
    script = "export const say = (text) => { const all = `a  ${text} // b`; return all; };"
    shorter = small("js", script)
    assert shorter.startswith("export const say=") and "`a  ${" in shorter and "// b`" in shorter


def test_the_own_names_of_a_script_that_exports_nothing_become_short():
    script = '// Why.\nimport { $ } from "./core.js";\n\nconst manyRows = $("tr");\n$(manyRows, manyRows);\n'
    assert small("js", script) == 'import{$}from"./core.js";{const e=$("tr");$(e,e)}'
