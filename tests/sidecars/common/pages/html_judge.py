"""A judge of HTML: what no page of ours may have."""

from collections import Counter
from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "input", "br", "hr", "img"})


class _Judge(HTMLParser):
    """Open elements, ids, and everything that a page must not have."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.referred: list[str] = []
        self.faults: list[str] = []
        self.seen: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look_at(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look_at(tag, attrs)
        if "svg" not in self.open:
            self.faults.append(f"<{tag}/> outside of an SVG")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-1:]} at {self.getpos()}")
        else:
            self.open.pop()

    def _look_at(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1
        names = [name for name, _ in attrs]
        if len(set(names)) != len(names):
            self.faults.append(f"<{tag}> has an attribute twice")
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.faults.append(f"<{tag}> has an inline {name}")
            if name == "id":
                self.ids.append(value or "")
            if name in ("for", "aria-labelledby", "aria-describedby"):
                self.referred += (value or "").split()
            if name == "href" and not (value or "").startswith(("/", "#", "https://")):
                self.faults.append(f"<{tag}> leads to {value!r}")


def faults_of(html: str) -> list[str]:
    """What is wrong with a page's HTML; empty for a sound one."""
    judge = _Judge()
    judge.feed(html)
    judge.close()
    faults = list(judge.faults)
    if not html.startswith("<!DOCTYPE html>"):
        faults.append("no doctype")
    if judge.open:
        faults.append(f"left open: {judge.open}")
    faults += [f"id {name} twice" for name, count in Counter(judge.ids).items() if count > 1]
    faults += [f"no element {name}" for name in judge.referred if name not in judge.ids]
    for tag in ("script", "style", "iframe"):
        if judge.seen[tag]:
            faults.append(f"a <{tag}>")
    for tag in ("h1", "main", "title"):
        if judge.seen[tag] != 1 and not (tag == "title" and judge.seen["svg"]):
            faults.append(f"{judge.seen[tag]} <{tag}>, expected one")
    if judge.seen["table"] != judge.seen["caption"]:
        faults.append("a table without a caption")
    return faults
