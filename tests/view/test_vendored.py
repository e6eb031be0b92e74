"""What is vendored is what was published, with its licence, and small."""

import hashlib
from pathlib import Path

STATIC = Path(__file__).parents[2] / "synth" / "view" / "static"
SHA256 = {
    "katex.min.js": "fa140498b8cfc8302cbe5e7cb1bdbc1f952bc38b3fa258ede09e73edbf9a74bc",
    "katex.min.css": "00e0b094171b07f58422075f469b4feac2b2f7bce1aeec943c08da4d697f4dcf",
    "LICENSE": "766ccc1f306c885aa45542a9846bbd0a505b27a0374f146778171c2254ce18e3",
}


def test_katex_is_unchanged() -> None:
    for name, sha in SHA256.items():
        assert hashlib.sha256((STATIC / "katex" / name).read_bytes()).hexdigest() == sha


def test_static_files_stay_under_a_megabyte() -> None:
    assert sum(path.stat().st_size for path in STATIC.rglob("*") if path.is_file()) < 1_000_000


def test_no_page_asks_for_anything_elsewhere() -> None:
    own = [path for path in STATIC.glob("*") if path.is_file()]
    own += (STATIC.parent / "templates").glob("*.html")
    for path in own:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text and "https:" not in text and 'src="//' not in text, path.name
        assert " style=" not in text and "onclick" not in text and "|safe" not in text, path.name
