"""The rules: functions that take a Session; never commit, never wait."""
