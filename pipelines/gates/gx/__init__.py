"""What tames Great Expectations: its engine on DuckDB, its dialect, and expectations of our own."""
