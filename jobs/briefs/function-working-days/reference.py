from datetime import date, timedelta


def working_days(start: str, end: str, holidays: list[str]) -> int:
    first, last = date.fromisoformat(start), date.fromisoformat(end)
    free = {date.fromisoformat(holiday) for holiday in holidays}
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    return sum(day.weekday() < 5 and day not in free for day in days)
