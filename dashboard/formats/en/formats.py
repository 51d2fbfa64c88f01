"""How dates stand in English pages: the day before the month, and the clock of 24 hours."""

DATETIME_FORMAT = "D j M Y H:i:s"
SHORT_DATETIME_FORMAT = "j M H:i"
SHORT_DATE_FORMAT = "j M Y"
