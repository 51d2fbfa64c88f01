"""Pages of a team: functions of one screenful. What they show is of `request.membership.workspace` only."""
