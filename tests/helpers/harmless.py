"""Whether what stands in a page as text stays text: markup that nobody of us has written bears a mark."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

MARK = "zq7evil"
ATTACKS = (
    f"<script>{MARK}()</script>",
    f"<img src=x onerror={MARK}()>",
    f'"><svg onload={MARK}()>',
    f"' on{MARK}=1 x='",
    f"javascript:{MARK}()",
    f"</script><script>{MARK}()</script>",
    f"<!--<script>{MARK}",
    f"</title></style></textarea></iframe><{MARK}>",
    f"\\u003c{MARK}\\u003e\u2028{MARK}()",
    f"`-{MARK}()-`${{{MARK}()}}{{{{ 7 * 7 }}}}",
    f"&lt;{MARK}&gt;",
)
ADDRESSES = {"href", "src", "action", "formaction", "data", "poster"}
INERT = {"title", "alt", "content"}  # attributes that may tell a value


class Page(HTMLParser):
    """What a browser would make of a page, as far as the mark is in it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.harm: list[str] = []  # where the mark is more than a text
        self.told = ""  # where it is nothing but a text
        self.inside = ""  # the element whose content is no markup
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag if tag in ("script", "style") else ""
        for name, value in attrs:
            if name == "srcdoc":
                framed = Page(value or "")
                self.harm += framed.harm
                self.told += framed.told
            elif (
                MARK in tag
                or MARK in name
                or (MARK in (value or "") and name not in INERT)
                or name.startswith("on")
                or "javascript:" in (value or "")[:30].lower()
            ):
                self.harm.append(f"<{tag} {name}={value!r}>"[:200])
        if MARK in tag:
            self.harm.append(f"<{tag}>")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_comment(self, data: str) -> None:
        if MARK in data:
            self.harm.append(f"<!--{data[:100]}")

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.told += data
        elif MARK in data:
            self.told += data
            # In a script a value is a string of JSON. What would end the script, or hide its end, has to be
            # spelt otherwise.
            self.harm += [
                f"{self.inside}: {found}"
                for found in re.findall(r"<!--|<script|</\w+|\u2028", data)
                if self.inside == "style" or _of_value(data, found)
            ]


def _of_value(script: str, found: str) -> bool:
    return any(
        MARK in script[place.start() : place.start() + 60] for place in re.finditer(re.escape(found), script)
    )


def harm(text: str) -> list[str]:
    """Where a page's text would do something."""
    return Page(text).harm


def told(text: str) -> str:
    """What of a page is read as text, in its frames, too."""
    return Page(text).told


def whole(text: str) -> bool:
    """Whether some attack is on the page letter by letter: otherwise its harmlessness says nothing."""
    return any(attack in told(text) or html.escape(attack) in text for attack in ATTACKS)
