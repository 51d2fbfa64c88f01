"""Pages taken apart: of which elements they are made, and what they say."""

import re
from html.parser import HTMLParser

# Attributes that say something to a person; all others say something to the browser, or to a script.
SAID = {
    "alt",
    "aria-label",
    "aria-description",
    "data-copy",
    "data-for",
    "data-needs",
    "data-title",
    "placeholder",
    "title",
    "value",
}
ADDRESSES = {
    "href",
    "src",
    "action",
    "formaction",
    "hx-get",
    "hx-post",
    "hx-ws:connect",
    "data-src",
    "data-page",
    "data-draft",
}
# Ids, times and tokens: they differ from page to page without meaning anything.
CHANGING = re.compile(r"[\w-]+:[\w-]+:[\w-]{32,}|[\w-]{32,}|[0-9]+(?:[.,:T+-]+[0-9]+)*")


class Markup(HTMLParser):
    """`elements` is what a browser makes of a page, `texts` what a person may read in it."""

    def __init__(self, page: str):
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.texts: list[str] = []
        self._opened = ""
        self.feed(_in_one_way(page))
        self.close()

    def handle_starttag(self, tag, attributes):
        self._opened = tag
        if tag == "br":  # what line ends may become
            return
        said = {name: value or "" for name, value in attributes}
        self.texts += [value for name, value in said.items() if name in SAID]
        told = (f"{name}={_plain(name, value)}" for name, value in sorted(said.items()))
        self.elements.append(f"<{tag} {' '.join(told)}>")

    def handle_endtag(self, tag):
        self._opened = ""
        self.elements.append(f"</{tag}>")

    def handle_data(self, data):
        # A parser leaves out the line end right behind <textarea> and <pre>.
        is_first = self._opened in ("textarea", "pre") and data.startswith("\n")
        self.texts.append(data[1:] if is_first else data)
        self._opened = ""

    def handle_comment(self, data):
        self.elements.append(f"<!--{data}-->")

    def handle_decl(self, decl):
        self.elements.append(f"<!{decl}>")

    def handle_pi(self, data):
        self.elements.append(f"<?{data}>")

    def says(self, text: str) -> bool:
        """Whether it is said in one piece."""
        text = _in_one_way(text)
        return any(text in said for said in self.texts)


def _in_one_way(text: str) -> str:
    """With line ends as a browser reads them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _plain(name: str, value: str) -> str:
    """What of an attribute may not depend on what people type."""
    if name in SAID:
        return "…"
    if name in ADDRESSES:
        value = re.sub(r"=[^&]*", "=…", value)
    return CHANGING.sub("0", value)
