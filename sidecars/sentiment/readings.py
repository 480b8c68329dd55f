"""Names of the series that the sentiment rules read, and how values that come once a day age."""

from sidecars.common.layer.ranges import Decay
from sidecars.common.observations import MS_PER_DAY

DOMINANCE, TOTAL_CAP = "btc_dominance_pct", "total_market_cap_usd"
FEAR_GREED, SOCIAL_VOLUME = "fear_greed", "social_volume"
SHARES, DOLLAR, YIELD, BTC_PRICE = "sp500", "dollar_index", "us10y_yield_pct", "btc_price_usd"

# Fear & greed, dominance and capitalisation come once a day in a backfill: a value is full until
# the next one is overdue by six hours, and no reading of the present after a week.
ONCE_A_DAY = Decay(full_hours=30.0, low_hours=72.0, gone_hours=168.0)
ONCE_A_DAY_SPAN_MS = 7 * MS_PER_DAY
