"""The date in a file's name: 2024-04-03.md, 20240403.txt, 2024/04/03.md, "03 April 2024.md", 1911.txt.

Knows paths as words; opens no file.
In: a path.  Out: a dated Heading without a place, or None.
"""

import re
from pathlib import Path

from app.journal.almanac import DATE_SHAPES, nearest_day, written_date
from app.journal.headings import Heading
from app.journal.types import Precision

_YEAR = r"(?P<y>1\d{3}|20\d{2})"
_DAY_IN_STEM = re.compile(rf"(?<!\d){_YEAR}(?P<s>[-_. ]?)(?P<m>0[1-9]|1[0-2])(?P=s)(?P<d>0[1-9]|[12]\d|3[01])(?!\d)")
_DAY_IN_FOLDERS = re.compile(  # 2024/04/03, 2024/2024-04/03, 2024-04/03
    rf"(?:^|/){_YEAR}(?:[-_.]|/(?:(?P=y)[-_.]?)?)(?P<m>0[1-9]|1[0-2])/(?P<d>0[1-9]|[12]\d|3[01])(?!\d)[^/]*$"
)
_MONTH_IN_STEM = re.compile(rf"(?<!\d){_YEAR}[-_. ]?(?P<m>0[1-9]|1[0-2])(?!\d)")
_YEARS_IN_STEM = re.compile(rf"(?<!\d){_YEAR}(?!\d)")


def date_of_name(path: Path) -> Heading | None:
    """The day its name or its last folders give, else the month, else the only year in the name."""
    stem = path.stem.replace("_", " ")
    worded = [match for shape in DATE_SHAPES for match in shape.finditer(stem)]
    years = list(_YEARS_IN_STEM.finditer(stem))
    candidates = [
        _DAY_IN_STEM.search(stem),
        *(match for match in worded if match.groupdict().get("d")),
        _DAY_IN_FOLDERS.search("/".join([*path.parts[-4:-1], path.stem])),
        *worded,
        _MONTH_IN_STEM.search(stem),
        years[0] if len(years) == 1 else None,
    ]
    for match in candidates:
        said = written_date(match) if match else None
        if said and said.year:
            precision: Precision = "day" if said.day else "month" if said.month else "year"
            return Heading(nearest_day(said.year, said.month or 1, said.day or 1), precision)
    return None
