"""The corps: cadets, training staff, training days, attendance, merits and grades."""
