"""Whether costs leave anything of what a preset earned before them. Pure."""


def eaten_by_costs(gross_pct: float, round_trip_pct: float) -> str | None:
    """Why nothing is left, in one line; None where something is.

    gross_pct: mean of a trade before any cost, in percent of its stake, as it was measured. Of a
    preset that lost before costs its evidence speaks, no arithmetic.
    """
    if gross_pct <= 0.0 or gross_pct > round_trip_pct:
        return None
    return (
        f"a round trip costs {round_trip_pct:g} %, a trade made {gross_pct:+.2f} % on average "
        "before costs when it was measured: expected more than it costs"
    )
