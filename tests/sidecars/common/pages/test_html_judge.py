"""The judge of HTML finds what it is there to find."""

from tests.sidecars.common.pages.html_judge import faults_of


def test_the_judge_of_html_sees_faults() -> None:
    assert faults_of("<!DOCTYPE html><main><h1>a</h1><title>b</title></main>") == []
    for broken, fault in (
        ("<p><b></p></b>", "closes"),
        ("<p>", "left open"),
        ("<p style='x'></p>", "inline style"),
        ("<a href='javascript:x'></a>", "leads to"),
        ("<i id=a></i><i id=a></i>", "twice"),
        ("<label for=b></label>", "no element b"),
        ("<script></script>", "script"),
        ("<table></table>", "caption"),
    ):
        page = f"<!DOCTYPE html><main><h1>a</h1><title>b</title>{broken}</main>"
        assert fault in " ".join(faults_of(page)), broken
