"""Pages: functions of one screenful. Fetch as this person may see it, one call, one answer."""
