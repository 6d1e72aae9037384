"""CSV: line ends, quotes, separators, and lines that are none."""

from __future__ import annotations

from typing import Any

from tests.sources.cases import Deliveries, Delivery, Row

HEADER = "id,n,x,note\n"
ONE = (("a", 1, 2.0, "x"),)
TWO = (("a", 1, 2.0, "x"), ("b", 3, 4.0, "y"))


def read(title: str, content: str, rows: tuple[Row, ...] = TWO, shown: str = "", **format: Any) -> Delivery:
    return Delivery(title, content.encode(), rows, format=format, shown=shown)


def refused(title: str, content: str, *says: str, **format: Any) -> Delivery:
    return Delivery(title, content.encode(), says=says, format=format)


LINES = Deliveries(
    (
        read("lines that end in `\\n`, `\\r\\n` and `\\r`, mixed", "id,n,x,note\r\na,1,2,x\nb,3,4,y\r"),
        read("blank lines between rows", "id,n,x,note\na,1,2,x\n\r\nb,3,4,y\n\n"),
        read("a separator too many at the end of each row", "id,n,x,note\na,1,2,x,\nb,3,4,y,\n"),
        read("separated by tabs", "id\tn\tx\tnote\na\t1\t2\tx\nb\t3\t4\ty\n", separator="\t"),
        read("without a header line", "a,1,2,x\nb,3,4,y\n", header=False),
        read("a quoted value of three lines", f'{HEADER}a,1,2,"x\nfake,1,2,y\r\nz"\n', (("a", 1, 2.0, "x\nfake,1,2,y\r\nz"),), "note"),
        read("a quote within a quoted value, written twice", f'{HEADER}a,1,2,"6"" pipe"\n', (("a", 1, 2.0, '6" pipe'),), "note"),
        refused("half of a file: a quoted value is open", f'{HEADER}a,1,2,x\nb,1,2,"y\n', "line 3: a quote is opened here, and never closed; is the file cut off?"),
        refused("a quote within a quoted value, written once", f'{HEADER}a,1,2,"x"y"\n', "line 2: a quote inside of a quoted value: write it twice there"),
        refused("a blank before a quoted value, or behind one", f'{HEADER}a,1,2, "x, y"\nb,1,2,"x" \n', "line 2: a blank before a quote: leave it out if the value is quoted; if it is not, quote the value, and write its own quotes twice", "line 3: a blank behind a quote that ends a value: leave it out"),
        refused("a row that is too short, and one that is too long", f"{HEADER}a,1,2\nb,1,2,x,y\n", "line 2: 3 values where there are 4 columns", "line 3: 5 values where there are 4 columns"),
        refused("a line of blanks", f"{HEADER}a,1,2,x\n   \n", "line 3: 1 value where there are 4 columns; it is blank but for white space"),
        refused("semicolons in a file that is said to have commas", "id;n;x;note\na;1;2;x\n", "d.csv: separated by ',', its first line names none of the schema's columns", "likeliest separators: ';' (4 of 4 columns)"),
        refused("a first line for Excel", "sep=,\nid,n,x,note\na,1,2,x\n", "d.csv: line 1 is a hint for Excel (sep=), and no header"),
        read("decimals behind a comma", "id;n;x;note\na;1;2,5;x\nb;-3;-1,5e3;y\n", (("a", 1, 2.5, "x"), ("b", -3, -1500.0, "y")), "x", separator=";", decimal=","),
        refused("a point in a file of decimal commas", "id;n;x;note\na;1;1.234,5;x\nb;2;1.234;y\n", "d.csv, row 1, column x: '1.234,5' is not a number: it has a point, and format.decimal says that decimals stand behind a comma", separator=";", decimal=","),
        refused("JSON that is said to be csv", '{"id": "a", "n": 1}\n', "d.csv: separated by ',', its first line names none of the schema's columns", "its first line looks like JSON: is it jsonl (source.format.type)?"),
        refused("a header, and no rows", HEADER, "tiny: no rows for 2026-02-01; d.csv gave none"),
    ),
    (
        refused("a quoted value, a blank, and another one", f'{HEADER}a,1,2,"x" "y"\n', "line 2: a blank behind a quote that ends a value: leave it out"),
        refused("a blank before a quote, in rows that it would make one", f'{HEADER}a,1,2, "x\nb,1,2,y"\n', "line 2: a blank before a quote: leave it out if the value is quoted; if it is not, quote the value, and write its own quotes twice"),
        read("blanks and quotes within a quoted value", f'{HEADER}a,1,2," ""x"" , ""y"" "\n', (("a", 1, 2.0, ' "x" , "y" '),)),
        Delivery("a quoted value that begins with a blank and a quote, behind one that ends like a value", b'id,n,x,note\n"a, ",1,2," ""x"\n', (("a, ", 1, 2.0, ' "x'),)),
        read("a blank before a quote that means nothing", f'{HEADER}a,1,2, "x"\n', (("a", 1, 2.0, ' "x"'),), quote=""),
        refused("two files with byte order marks, one behind the other", "\ufeffa,1,2,x\n\ufeffb,1,2,y\n", "line 2: begins with a byte order mark: do two files stand one behind the other?", header=False),
        read("a byte order mark within a quoted value", f'{HEADER}a,1,2,"x\n\ufeffy"\n', (("a", 1, 2.0, "x\n\ufeffy"),)),
        Delivery("blank lines between rows of one column", b"id\na\n\nb\n", (("a",), ("b",)), columns={}),
        refused("nothing", "", "d.csv is empty: not even a header"),
        refused("a carriage return within a value that is not quoted", f"{HEADER}a\rb,1,2,x\n", "line 2: 1 value where there are 4 columns; a carriage return ends it: if that is of a value, have the value quoted"),
        read("a whole number with a decimal comma, texts with points, and no value", "id;n;x;note\na;1,0;;a.b,c\n", (("a", 1, None, "a.b,c"),), separator=";", decimal=","),
        refused("a thousand, or one, in a file of decimal commas", "id;n;x;note\na;1,000;2;x\n", "d.csv, row 1, column n: '1,000' is not an integer: a thousand in some countries, and one in others: write 1 or 1000", separator=";", decimal=","),
        read("a quote that means nothing", f'{HEADER}a,1,2,"x\n', (("a", 1, 2.0, '"x'),), "note", quote=""),
        read("line ends: \\n before \\r\\n", "id,n,x,note\na,1,2,x\r\nb,3,4,y\n"),
        read("line ends: \\r before others", "id,n,x,note\ra,1,2,x\nb,3,4,y\r\n"),
        read("line ends: \\r alone, the last one missing", "id,n,x,note\ra,1,2,x\rb,3,4,y"),
        read("separators too many, mixed with quotes and line ends", 'id,n,x,note\r\n"a",1,2,"x"\nb,3,4,y,,\n'),
        read("keys that differ in case", f"{HEADER}A1,1,2,x\na1,3,4,y\n", (("A1", 1, 2.0, "x"), ("a1", 3, 4.0, "y"))),
        read("rows whose first value begins with a hash", f"{HEADER}#a,1,2,x\n", (("#a", 1, 2.0, "x"),)),
        read("a value of several megabytes", f"{HEADER}a,1,2,{'x' * 3_000_000}\n", (("a", 1, 2.0, "x" * 3_000_000),)),
        read("NUL within values", f"{HEADER}a\0b,1,2,x\0\n", (("a\0b", 1, 2.0, "x\0"),)),
        read("white space around values", f"{HEADER} a , 1,\t2 , x \n", ((" a ", 1, 2.0, " x "),)),
        read("columns in another order", "note,x,n,id\nx,2,1,a\ny,4,3,b\n"),
        read("a pipe between values", "id|n|x|note\na|1|2|x\nb|3|4|y\n", separator="|"),
        read("single quotes", f"{HEADER}a,1,2,'x,''y'\n", (("a", 1, 2.0, "x,'y"),), quote="'"),
        refused("a decimal comma, unquoted", f"{HEADER}a,1,2,5,x\n", "line 2: 5 values where there are 4 columns"),
        refused("a backslash before a quote", f'{HEADER}a,1,2,"x\\"y"\n', "line 2: a quote inside of a quoted value: write it twice there"),
        refused("a short row behind a value of two lines", f'{HEADER}"a\nb",1,2,x\nc,1,2\n', "line 4: 3 values where there are 4 columns"),
        refused("very many short rows", HEADER + "a,1\n" * 300, "line 2: 2 values where there are 4 columns", "line 7: 2 values where there are 4 columns", "... and 95 more"),
        refused("a first line for Excel, with another separator", "sep=;\nid,n,x,note\na,1,2,x\n", "d.csv: line 1 is a hint for Excel (sep=), and no header"),
        refused("semicolons and quoted names", '"id";"n";"x";"note"\n', "likeliest separators: ';' (4 of 4 columns)"),
        refused("tabs and a semicolon", "id\tn\tx;note\n", "likeliest separators: '\\t' (2 of 4 columns), ';' (1 of 4 columns)"),
        refused("JSON of one key that is said to be csv", '{"id": "a"}\n', "its first line looks like JSON: is it jsonl (source.format.type)?"),
        refused("a blank line before the header", "\nid,n,x,note\n", "d.csv begins with a blank line, where the header should be"),
        refused("semicolons without a header", "a;1;2;x\n", "line 1: 'a;1;2;x'", "likeliest separators: ';' (4 of 4 columns)", header=False),
    ),
)  # fmt: skip
