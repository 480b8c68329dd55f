"""A picture that is drawn once: as SVG for light and dark pages, and as PNG.

Colours are the page's variables: Matplotlib draws with a stand-in for each, which becomes
`var(--name)` in the SVG and the light colour in a PNG.
"""

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

LIGHT: Mapping[str, str] = {
    "paper": "#ffffff", "ink": "#17212c", "faint": "#5a6875", "grid": "#dfe5ea",
    "own": "#1b57c4", "held": "#c77700", "third": "#7a5bd0", "quiet": "#8795a3",
    "up": "#12804a", "down": "#c2382c",
}  # fmt: skip
DARK: Mapping[str, str] = {
    "paper": "#171e26", "ink": "#e6ebf1", "faint": "#a4b0bd", "grid": "#2d3844",
    "own": "#7fb0ff", "held": "#f0b35a", "third": "#b9a1ff", "quiet": "#8795a3",
    "up": "#56c98a", "down": "#ff8c80",
}  # fmt: skip
STAND_INS = {name: f"#0a0b{number:02x}" for number, name in enumerate(LIGHT, 16)}
WIDE, NARROW = 9.2, 4.3  # inches; the page shows one or the other
Ink = Mapping[str, str]
Paint = Callable[[Figure, Ink, bool], None]  # whether it is the wide one


@dataclass(frozen=True, slots=True)
class Picture:
    """What to draw. file: its name as a PNG; label: for those who cannot see it; heights: in
    inches, wide and narrow."""

    file: str
    label: str
    heights: tuple[float, float]
    paint: Paint

    def svg(self) -> str:
        """Both widths, for the page: it shows the one that fits."""
        parts = [
            self._svg(width, height, name)
            for width, height, name in zip(
                (WIDE, NARROW), self.heights, ("wide", "narrow"), strict=True
            )
        ]
        return f'<figure class="chart">{"".join(parts)}</figure>'

    def png(self, folder: Path) -> Path:
        """Write it on white, 1472 pixels wide. Raises OSError."""
        file = folder / f"{self.file}.png"
        with mpl.rc_context(_settings(LIGHT)):
            figure = Figure(figsize=(WIDE, self.heights[0]), layout="constrained")
            FigureCanvasAgg(figure)
            figure.patch.set_facecolor(LIGHT["paper"])
            self.paint(figure, LIGHT, True)
            figure.suptitle(self.label, x=0.01, ha="left", fontsize=11, color=LIGHT["ink"])
            figure.savefig(file, dpi=160, metadata={"Software": None})
        return file

    def _svg(self, width: float, height: float, name: str) -> str:
        # Fixed, so that a page is the same each time, and no two pictures share an id.
        salt: Any = {"svg.fonttype": "none", "svg.hashsalt": f"{self.file}-{name}"}
        with mpl.rc_context(_settings(STAND_INS) | salt):
            figure = Figure(figsize=(width, height), layout="constrained")
            FigureCanvasAgg(figure)
            self.paint(figure, STAND_INS, width > NARROW)
            written = io.StringIO()
            figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
        return _inline(written.getvalue(), name, self.label)


def _settings(ink: Ink) -> Any:  # its keys are types of their own
    return {
        "font.size": 9.5, "text.color": ink["ink"], "axes.labelcolor": ink["faint"],
        "xtick.color": ink["faint"], "ytick.color": ink["faint"], "axes.edgecolor": ink["grid"],
        "grid.color": ink["grid"], "axes.facecolor": "none", "axes.spines.top": False,
        "axes.spines.right": False, "xtick.major.size": 0.0, "ytick.major.size": 0.0,
        "ytick.minor.size": 0.0, "xtick.minor.size": 0.0, "legend.frameon": False,
        "path.simplify": True, "path.simplify_threshold": 0.4,
    }  # fmt: skip


def _inline(svg: str, name: str, label: str) -> str:
    """A file of Matplotlib's as a part of a page: small, in the page's colours and font."""
    body = svg[svg.index("<svg") :]
    view = re.search(r'viewBox="([^"]+)"', body)
    box = view[1] if view else "0 0 100 100"
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r"font-family: [^;\"]+;? ?", "", body)
    body = re.sub(r' id="[a-zA-Z]+(?:_\w+|\.\w+)*_\d+"', "", body)
    body = re.sub(r' transform="rotate\(-0 [^)]*\)"', "", body)
    body = re.sub(r"(\d\.\d\d)\d+", r"\1", body)
    for colour, stand_in in STAND_INS.items():
        body = body.replace(stand_in, f"var(--{colour})")
    body = re.sub(r"\s*\n\s*", " ", body[body.index(">") + 1 :])
    head = f'<svg class="{name}" viewBox="{box}" role="img" aria-label="{escape(label)}">'
    return f"{head}{body}"
