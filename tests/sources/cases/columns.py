"""The names of columns."""

from __future__ import annotations

from tests.sources.cases import Deliveries
from tests.sources.cases.lines import ONE, read, refused

COLUMNS = Deliveries(
    (
        read("the schema's columns, in another order", "note,x,n,id\nx,2,1,a\n", ONE),
        refused("a name in other letters: `Note`", "id,n,x,Note\na,1,2,x\n", "d.csv: no column 'note'; did you mean 'Note'?", "way out: write `cleanse: {rename: snake_case}`: in snake case, the source's columns are the schema's"),
        refused("two names that differ in case", "id,n,N,x,note\n", "'n' and 'N' differ in upper and lower case only"),
        refused("a misspelt name", "id,n,x,noet\na,1,2,x\n", "d.csv: no column 'note'; did you mean 'noet'?"),
        refused("a column less", "id,n,x\na,1,2\n", "d.csv: no column 'note'"),
        refused("a column that the schema does not know", "id,n,x,note,colour\na,1,2,x,red\n", "d.csv: a column 'colour' that the schema does not know; known: id, n, note, x"),
        refused("a first column without a name", ",id,n,x,note\n", "column 1 has no name: the number of each row, as pandas writes it without index=False?"),
        refused("separators at the end of the header alone", "id,n,x,note,,\n", "columns 5, 6 have no name: the header ends in 2 separators too many"),
        refused("a header below other lines", "# Orders\nof,,,\nid,n,x,note\na,1,2,y\n", "d.csv: the header stands in line 3, below others"),
        refused("rows whose header is lost", "a,1,2,y\nb,3,4,z\n", "d.csv: none of the schema's columns is there; has it lost its header line?"),
    ),
    (
        refused("rows whose header is lost, and which repeat a value", "a,1,1,y\n", "it names none of the schema's columns: has the file lost its header line?"),
        refused("a name of other signs that look the same", "id,n,x,note,no\u0308te\n", "d.csv: a column 'no\u0308te' that the schema does not know; did you mean 'note'?"),
        refused("a name of 5,000 signs", f"id,n,x,note,{'k' * 5_000}\n", f"d.csv: a column '{'k' * 79}... (5,002 characters) that the schema does not know; known: id, n, note, x"),
        refused("blanks between the names", "id n x note\na 1 2 x\n", "likeliest separators: ' ' (4 of 4 columns)"),
        refused("a name that stands there twice", "id,n,n,x,note\n", "'n' stands there twice"),
        refused("a column without a name in the middle", "id,,x,note\n", "column 2 has no name"),
    ),
)  # fmt: skip
