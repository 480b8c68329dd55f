"""How old what a layer serves is, at the moment of scraping."""

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sidecars.common.layer.upkeep import LayerService
from sidecars.common.observations import MS_PER_SECOND


class Freshness(Collector):
    """Gauges of scores and sources."""

    def __init__(self, service: LayerService) -> None:
        self._service = service

    def collect(self) -> list[GaugeMetricFamily]:
        as_of = GaugeMetricFamily(
            "layer_latest_as_of_seconds",
            "Moment that the latest score speaks of, Unix time",
            labels=["asset"],
        )
        confidence = GaugeMetricFamily(
            "layer_confidence", "Confidence of the latest score, 0 to 1", labels=["asset"]
        )
        ok = GaugeMetricFamily(
            "layer_source_ok", "1 if the last request to the source went well", labels=["source"]
        )
        newest = GaugeMetricFamily(
            "layer_source_newest_as_of_seconds",
            "Moment that the newest value of the source speaks of, Unix time",
            labels=["source"],
        )
        refused = GaugeMetricFamily(
            "layer_source_values_refused", "Values refused since the start", labels=["source"]
        )
        for asset in self._service.settings.assets:
            record = self._service.recorder.newest(asset)
            if record is not None:
                as_of.add_metric([asset], record.as_of_ms / MS_PER_SECOND)
                confidence.add_metric([asset], record.confidence)
        for poller in self._service.pollers:
            state = poller.state
            ok.add_metric([poller.key], 0.0 if state.error is not None else 1.0)
            refused.add_metric([poller.key], float(state.rejected))
            if state.newest_as_of_ms is not None:
                newest.add_metric([poller.key], state.newest_as_of_ms / MS_PER_SECOND)
        return [as_of, confidence, ok, newest, refused]
