"""How dates stand in German pages, where Django's own formats say it otherwise."""

DATETIME_FORMAT = "D d.m.Y H:i:s"
SHORT_DATETIME_FORMAT = "j. N H:i"
SHORT_DATE_FORMAT = "d.m.Y"
