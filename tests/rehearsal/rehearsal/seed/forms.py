"""The odd forms that values of the legacy database take, column kind by column kind."""

NARROW_BLANK = "\u202f"  # Node 20 puts it before AM and PM in toLocaleTimeString

# Text that breaks escaping, encodings and careless trimming. None of it holds a NUL.
TEXTS: tuple[str, ...] = (
    "Well done \U0001f44d\U0001f3fd \U0001f396\ufe0f",
    "family \U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 of four code points joined",
    "Jose\u0301 An\u0303o composed as Jos\u00e9 A\u00f1o elsewhere",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 right to left",
    "a\ttab, a new\nline, a return\r\nand a back\\slash",
    'O\'Brien said "yes"; DROP TABLE users; --',
    "\\N",
    "\\.",
    "bell \x07, escape \x1b[31m, start \x01, delete \x7f",
    "  blank at both ends  ",
    "no\u00a0break, zero\u200bwidth, \ufeffmark",
    "<script>alert('cadet')</script>",
    "null",
    "",
)
LONG_TEXT = "Report of the day. " * 400

YEAR_LEVELS: tuple[str | None, ...] = (
    "1st Year",
    "2",
    "II",
    "4th yr",
    "First Year",
    "2.0",
    "",
    "Irregular",
    "MS-2",
    None,
)

# Every form here names a day; 05/04/2025 may name either of two.
TRAINING_DATES: tuple[str, ...] = (
    "2025-08-16",
    "08/16/2025",
    "16/08/2025",
    "August 16, 2025",
    "16 Aug 2025",
    "2025-08-16T00:00:00.000Z",
    "05/04/2025",
    "8/9/2025",
)
BIRTHDATES: tuple[str | None, ...] = (
    "1985-03-12",
    "March 12, 1985",
    "3/12/1985",
    "25/12/1985",
    "12 Mar 1985",
    "1985-03-12T16:00:00.000Z",
    "1985",
    "",
    None,
)
# Of these some name no day at all, and the column is nullable.
ACTIVITY_DATES: tuple[str | None, ...] = (None, "TBA", "2025-11-30", "November 30, 2025")

TIMES: tuple[str | None, ...] = (
    "08:05",
    "7:58 AM",
    f"8:05:33{NARROW_BLANK}AM",
    f"5:01:09{NARROW_BLANK}PM",
    "0805H",
    "-",
    "",
    "late",
    None,
)

# Numbers here do not survive a double: 2**53 + 1, thirty digits, more decimals than 17.
PAYLOADS: tuple[str | None, ...] = (
    None,
    "null",
    '{"serial": 9007199254740993}',
    '{"serial": 123456789012345678901234567890}',
    '{"score": 3.141592653589793238462643383279, "kept": 1.10}',
    "12345678901234567890.000000001",
    '"a bare string"',
    "[]",
    "{}",
    '[1, null, {"nested": {"deep": [true, false, null]}}]',
    '{"text": "quote \\" back \\\\ line \\n tab \\t", "\U0001f396": "\u0645\u0631"}',
    '{"before": "{\\"rank\\": \\"Cdt\\"}"}',
)

PUSH_KEYS_INVALID = ("[object Object]",)

FIRST_NAMES = ("Juan", "Maria", "Jose", "Ana", "Andres", "Liza", "Ramon", "Corazon", "Ma. Theresa")
LAST_NAMES = (
    "Dela Cruz",
    "Santos",
    "Reyes",
    "Garcia",
    "Bautista",
    "Ocampo",
    "Villanueva",
    "Nu\u00f1ez",
)
# One string each of more characters than the destination columns hold.
OVER_20 = "prefers not to say, and says so at length"
OVER_50 = "+63 917 555 0101 / +63 918 555 0102 / ask for the mother first"
OVER_255 = "Bachelor of Science in " + "Very Long Course Names " * 11 + "Management \U0001f393"
EMAIL_OVER_254 = "cadet." + "x" * 250 + "@rotc.example"
# One address three times over, to anyone who does not tell case and trailing blanks apart.
NEAR_MISSES = ("shared.box@rotc.example", "Shared.Box@ROTC.example", "shared.box@rotc.example ")
TRUTHS = (True, False, None)
