"""The steps: functions of tables, one module each."""
