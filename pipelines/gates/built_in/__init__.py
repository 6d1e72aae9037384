"""The expectations that always hold, table by table, whatever else the use-case file states."""
