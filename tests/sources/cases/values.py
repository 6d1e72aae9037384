"""Values of a CSV file, by the type of their column."""

from __future__ import annotations

from datetime import date, datetime

from tests.sources.cases import Refused, Values

SHORT = Refused(
    "a year has four digits; if it is spelt in another way than 2026-02-13, the column's format says how"
)
ISO = Refused("write 2026-02-13, or say under the column's format how it is spelt")
ISO_TIME = Refused("write 2026-02-13T10:00:00Z, or say under the column's format how it is spelt")
EARLY = Refused(
    "no year before 1900 is read; if it stands for a missing value, declare it under cleanse.missing"
)
NO_DAY = Refused("there is no such day")
NO_TIME = Refused("it has a time or an offset, and a day has none: give the column type timestamp")
ZONE = Refused(
    "the time is not told by its zone alone: write an offset such as +01:00, or a zone such as Europe/Berlin"
)
CLOCKS = Refused("the clocks there skip that time or show it twice: write an offset such as +01:00")
NO_ZONE = Refused("no such zone is known: write an offset such as +01:00")
NO_CLOCK = Refused("there is no such time of day: the last one is 23:59:59.999999")
BEYOND_UTC = Refused("there is no such day, or in UTC it is none of 1900 to 9999")
NO_SPELLING = "it is not spelt by {!r}, or there is no such day"
BOOLEAN = Refused("write true or false, t or f, yes or no, y or n, on or off, 1 or 0")
BEYOND = Refused("it is too large or too small for a number of 64 bits")
DIGITS = Refused("write digits alone, such as 1234")
ALL_DIGITS = Refused("write all its digits, such as 1000 for 1e3")
FRACTION = Refused("it has a fraction, and an integer has none: give the column type number")
LARGE = Refused("it is too large for an integer of 64 bits")
POINT = Refused("write digits, and a point before a fraction, such as 1234.5")
NO_MODEL = Refused("no model takes it; if it stands for a missing value, declare it under cleanse.missing")
BLANK = Refused("a blank cell; if that means a missing value, declare ' ' under cleanse.missing")

TEN = datetime(2026, 7, 1, 10)
DAY = date(2026, 2, 13)

DATES = Values(
    "date",
    {
        "2026-02-13": DAY,
        "2026/2/3": date(2026, 2, 3),
        "2026-02-13T00:00:00Z": DAY,
        "13/02/26": SHORT,
        "26-02-13": SHORT,
        "02/13/2026": SHORT,
        "2026-02-30": NO_DAY,
        "2026-02-13T00:00:00+02:00": NO_TIME,
        "20260213": ISO,
        "13 Feb 2026": ISO,
        "1899-12-30": EARLY,
        "2026-02-13 (BC)": EARLY,
    },
    {
        "2026/02/13": DAY,
        "2026-2-3": date(2026, 2, 3),
        "2026-02-13 00:00:00": DAY,
        " 2026-02-13\t": DAY,
        "9999-12-31": date(9999, 12, 31),
        "13-02-26": SHORT,
        "01/02/03": SHORT,
        "2026.02.13": SHORT,
        "2026 02 13": ISO,
        "2026-02": ISO,
        "2026-02-13\u202f": Refused(
            "it holds U+202F, a sign that is not seen, beside '2026-02-13': leave it out"
        ),
        "\ufeff2026-02-13": Refused(
            "it holds U+FEFF, a sign that is not seen, beside '2026-02-13': leave it out"
        ),
        "2026-2/3": ISO,
        "12026-02-13": ISO,
        "5599999-05-05": ISO,
        "infinity": ISO,
        "2026-02-01 10:00": NO_TIME,
        "0044-03-15 (BC)": EARLY,
        "0001-01-01": EARLY,
        "\u0662026-02-13": ISO,
        "2026-02-1\u0663": ISO,
        "\u0662\u0666-02-13": ISO,
    },
)


def spelt(format: str, type_: str, right: dict[str, date], wrong: list[str]) -> Values:
    """Values of a column that has a format."""
    return Values(
        type_, {**right, **dict.fromkeys(wrong, Refused(NO_SPELLING.format(format)))}, format=format
    )


FORMATS = (
    spelt(
        "%d/%m/%Y",
        "date",
        {"31/12/1984": date(1984, 12, 31), "1/2/1984": date(1984, 2, 1)},
        ["31/12/84", "1984-12-31", "31/02/1984", "31/12/1884"],
    ),
    spelt("%Y%m%d", "date", {"20260213": DAY}, ["2026113"]),
    spelt(
        "%m/%d/%Y %I:%M %p",
        "timestamp",
        {"02/13/2026 1:05 pm": datetime(2026, 2, 13, 13, 5)},
        ["02/13/2026 13:05 pm"],
    ),
)
MORE_FORMATS = (
    spelt("%d %b %Y", "date", {"13 Feb 2026": DAY}, ["13 Feber 2026"]),
    spelt(
        "%d.%m.%Y %H:%M:%S.%f",
        "timestamp",
        {"13.02.2026 10:00:00.5": datetime(2026, 2, 13, 10, 0, 0, 500_000)},
        ["13.02.2026 10:00"],
    ),
    spelt(
        "%d.%m.%Y %H:%M%z",
        "timestamp",
        {"13.02.2026 10:00+02:00": datetime(2026, 2, 13, 8)},
        ["13.02.2026 10:00"],
    ),
)

TIMESTAMPS = Values(
    "timestamp",
    {
        "2026-07-01 10:00": TEN,
        "2026-07-01": datetime(2026, 7, 1),
        "2026-07-01T10:00:00Z": TEN,
        "2026-07-01 10:00:00+0200": datetime(2026, 7, 1, 8),
        "2026-07-01 10:00 Europe/Berlin": datetime(2026, 7, 1, 8),
        "2026-07-01T10:00:00.123456789": datetime(2026, 7, 1, 10, 0, 0, 123456),
        "2026-10-25 02:30:00 Europe/Berlin": CLOCKS,
        "2026-07-01 10:00:00 BST": ZONE,
        "2026-07-01 10:00:00 UTC+2": ZONE,
        "2026-07-01 10:00 pm": ISO_TIME,
        "01/07/26 10:00": SHORT,
        "1782000000": ISO_TIME,
        "0001-01-01 00:00:00": EARLY,
        "2026-02-30 00:00:01": NO_DAY,
    },
    {
        "2026/2/3 9:05": datetime(2026, 2, 3, 9, 5),
        "2026-07-01 10:00:00-03": datetime(2026, 7, 1, 13),
        "2026-07-01 10:00 America/Argentina/Buenos_Aires": datetime(2026, 7, 1, 13),
        **dict.fromkeys(
            (f"2026-07-01 10:00{zone}" for zone in ("Z", " Z", "UTC", " UTC", " GMT", "-00")), TEN
        ),
        **dict.fromkeys((f"2026-07-01T12:00{zone}" for zone in ("+02", " +02", " +02:00")), TEN),
        "2026-03-29 02:30 Europe/Berlin": CLOCKS,
        "2026-07-01 10:00 No/Where": NO_ZONE,
        **dict.fromkeys(
            (f"2026-07-01 10:00:00 {zone}" for zone in ("CST", "CEST", "EST", "EDT", "IST", "MSK", "GMT+2")),
            ZONE,
        ),
        "2026-07-01 10:00:00 Etc/GMT+2": ZONE,
        "2026-07-01 10:00:00 PM": ISO_TIME,
        "2026-07-01 10:00:00 z": ISO_TIME,
        "1899-12-31 23:30-01:00": EARLY,
        "1900-01-01 00:30+02:00": BEYOND_UTC,
        **dict.fromkeys(
            (
                f"2026-07-01{time}"
                for time in (" 23:59:60", " 24:00", "T24:00:00Z", "T23:59:60+02:00", " 10:99")
            ),
            NO_CLOCK,
        ),
        **dict.fromkeys(("2026-07-01t10:00:00Z", "2026-07-01T10Z", "2026-07-01T1000Z"), ISO_TIME),
        "2026-07-01 10:00\u00a0": Refused(
            "it holds U+00A0, a sign that is not seen, beside '2026-07-01 10:00': leave it out"
        ),
        "2026-07-01 10": ISO_TIME,
        "20260701T100000": ISO_TIME,
        "1782000000000": ISO_TIME,
        "2026-07-01 10:00+25:00": ISO_TIME,
        "9999-12-31 23:00-02:00": BEYOND_UTC,
        "31/12/2026": SHORT,
        "2/1/2026 10:00:00 AM": SHORT,
        "infinity": ISO_TIME,
        "epoch": ISO_TIME,
        "now": ISO_TIME,
    },
)

INTEGERS = Values(
    "integer",
    {
        "7": 7,
        " +7 ": 7,
        "9007199254740993.0": 9007199254740993,
        "": None,
        "1.5": FRACTION,
        "1.000": Refused("a thousand in some countries, and one in others: write 1 or 1000"),
        "1e3": ALL_DIGITS,
        "9223372036854775808": LARGE,
        "  ": BLANK,
    },
    {
        "\t7": 7,
        "1.0": 1,
        "1.00": 1,
        "0.000": 0,
        "1234.000": 1234,
        "-12.000": Refused("a thousand in some countries, and one in others: write -12 or -12000"),
        "12345678901234567890": LARGE,
        "7" * 5_000: LARGE,
        "7\u00a0": Refused("it holds U+00A0, a sign that is not seen, beside '7': leave it out"),
        "1e18": ALL_DIGITS,
        ".5": FRACTION,
        "-9223372036854775808": -(2**63),
        **dict.fromkeys(("0x10", "0b1", "1_000", "ten", "\u0663"), DIGITS),
    },
)

NUMBERS = Values(
    "number",
    {
        "1234.5": 1234.5,
        "-.5": -0.5,
        "1e3": 1000.0,
        "1,5": POINT,
        "1 234": POINT,
        "1_000": POINT,
        "$5": POINT,
        "NaN": NO_MODEL,
        "1e400": BEYOND,
        "1e-400": BEYOND,
    },
    {
        "5.": 5.0,
        "1e-300": 1e-300,
        "-0.000": 0.0,
        "0e5": 0.0,
        " 7\t": 7.0,
        "1e999": BEYOND,
        "1\u00a0234": Refused("it holds U+00A0, a sign that is not seen, beside '1234': leave it out"),
        "\u200e1.5": Refused("it holds U+200E, a sign that is not seen, beside '1.5': leave it out"),
        "\u00a0": Refused(
            "a cell of nothing but signs that are not seen, such as U+00A0; if it means a missing value,"
            " declare it under cleanse.missing"
        ),
        **dict.fromkeys(("inf", "-inf", "Infinity", "nan"), NO_MODEL),
        "  ": BLANK,
        **dict.fromkeys(
            ("\u22125", "\u0663", "\uff11\uff12", "1d", "1f", "TRUE", "1/2", "(5)", "\\N"),
            POINT,
        ),
    },
)

BOOLEANS = Values(
    "boolean",
    {
        "true": True,
        "Y": True,
        "on": True,
        "1.0": True,
        "f": False,
        "no": False,
        "0.0": False,
        "ja": BOOLEAN,
        "2": BOOLEAN,
    },
    {
        **dict.fromkeys(("TRUE", "T", "yes", "1", " true "), True),
        **dict.fromkeys(("FALSE", "n", "N", "off", "0", "0.00"), False),
        **dict.fromkeys(("wahr", "maybe"), BOOLEAN),
    },
)

TEXTS = Values(
    "string",
    {" as it is ": " as it is ", "007": "007", "NA": "NA", "\\N": "\\N", "": None},
    {
        "a\0b": "a\0b",
        "#a": "#a",
        "null": "null",
        "Zo\u00eb \U0001f600": "Zo\u00eb \U0001f600",
        "one\nof two lines": "one\nof two lines",
    },
)

VALUES = {"Texts": (TEXTS,), "Integers": (INTEGERS,), "Numbers": (NUMBERS,), "Booleans": (BOOLEANS,)}
MOMENTS = {"Dates": (DATES,), "Timestamps": (TIMESTAMPS,), "Dates and timestamps with a format": FORMATS}
EVERY = [*(values for of in (VALUES, MOMENTS) for kind in of.values() for values in kind), *MORE_FORMATS]
