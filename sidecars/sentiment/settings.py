"""The sentiment sidecar's settings."""

from pydantic import Field

from sidecars.common.layer.settings import LayerSettings
from sidecars.common.settings_parts import DatabaseUrl


class SentimentSettings(LayerSettings):
    """Everything that can be set; a JSON file with these keys, or AQUATRADE_SENTIMENT_KEY."""

    port: int = Field(8102, ge=0, le=65535)
    database_url: DatabaseUrl = "sqlite:///var/sidecars/sentiment.sqlite"
    # "vader", "transformer[:OWNER/MODEL[@REVISION]]", or "module:function" of a model of your own.
    polarity_model: str = Field("vader", min_length=1)
